//! Parts of a list: pages and the items of one hash.
#![cfg(not(loom))]

use block_work_list::{BlockWork, BlockWorkList, Closed};

type List = BlockWorkList<u32, u32>;

fn list(length: u32) -> Result<List, Closed<u32, u32>> {
    let list = List::new();
    list.replace(
        (0..length).map(|number| BlockWork { hash: number % 10, data: number }).collect(),
    )?;
    Ok(list)
}

fn data(items: &[BlockWork<u32, u32>]) -> Vec<u32> {
    items.iter().map(|item| item.data).collect()
}

#[test]
fn pages_are_parts_of_the_snapshot() -> Result<(), Closed<u32, u32>> {
    let list = list(1_000)?;
    // Claims and items that come back are behind each other in the queue, in several parts.
    let claims: Vec<_> = (0..400).filter_map(|_| list.try_next().ok()).collect();
    claims.into_iter().take(50).for_each(|claim| assert!(claim.give_back().is_ok()));
    let whole = data(&list.snapshot());
    for (offset, limit) in
        [(0, 7), (0, 0), (599, 3), (640, 100), (650, 1), (usize::MAX, 5), (0, usize::MAX)]
    {
        let expected: Vec<u32> = whole.iter().copied().skip(offset).take(limit).collect();
        assert_eq!(data(&list.snapshot_page(offset, limit)), expected, "{offset} {limit}");
    }
    assert_eq!(list.status().queued, 650, "nothing was taken off");
    Ok(())
}

#[test]
fn items_of_a_hash_are_found_in_order_and_stay() -> Result<(), Closed<u32, u32>> {
    let list = list(100)?;
    assert_eq!(data(&list.find(&3, 4)), [3, 13, 23, 33]);
    assert_eq!(data(&list.find(&3, 100)).len(), 10);
    assert!(list.find(&77, 10).is_empty());
    assert_eq!(list.status().queued, 100);
    Ok(())
}
