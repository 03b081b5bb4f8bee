//! The note's trash collector: workers take items off a list that its owner replaces whenever it likes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

use block_work_list::{BlockWork, BlockWorkList};

fn main() {
    // What is stored: each block's hash, and when it was last written.
    let stored = Mutex::new(HashMap::from([(1_u64, 100_u64), (2, 100), (3, 175)]));

    // The note: trashList := NewBlockWorkList()
    let trash_list: BlockWorkList<u64, u64> = BlockWorkList::new();

    thread::scope(|scope| {
        // The note: go func(list BlockWorkList) { for deleteRequest := range list.NextItem { … } }(trashList)
        for _ in 0..2 {
            scope.spawn(|| {
                for claim in &trash_list {
                    // The world has moved on since the list was made, so look again before acting.
                    let mut stored = stored.lock().expect("no worker panics");
                    if stored.get(&claim.hash) == Some(&claim.data) {
                        stored.remove(&claim.hash);
                    }
                }
            });
        }

        // The note, in an HTTP handler: trashList.SetList(…)
        let items = [1, 2, 3].map(|hash| BlockWork { hash, data: 100 });
        let replaced = trash_list.replace(items.into()).expect("the list is open");
        println!(
            "list {}: 3 items, {} of the old list discarded",
            replaced.generation,
            replaced.discarded.len()
        );

        trash_list.wait_idle_blocking();
        println!("{:?}", trash_list.status());
        trash_list.close(); // the loops end
    });
    let stored = stored.into_inner().expect("no worker panics");
    assert_eq!(stored, HashMap::from([(3, 175)]), "a block written since the list was made stays");
    println!("left: {stored:?}");
}
