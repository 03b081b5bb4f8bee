//! What no decision may do, counted naively: spec section 8.2.
//!
//! Knows nothing of plans, passes and ranks: it looks at the cluster before and after.

use std::collections::BTreeSet;

use keep_rules::balance::Sizes;

use crate::cluster::{Block, Cluster, MIN_MTIME, View};
use crate::model::Verdict;

/// The first promise that `verdict` breaks, if it breaks any.
pub(crate) fn broken(cluster: &Cluster, block: &Block, verdict: &Verdict) -> Result<(), String> {
    let views = cluster.clean();
    check_entries(block, &views, verdict)?;
    check_what_is_left(cluster, block, verdict)?;
    check_pulls(block, &views, verdict)?;
    check_progress(block, &views, verdict)
}

/// The replicas that are trashed, and through which server.
fn trashed(verdict: &Verdict) -> impl Iterator<Item = (usize, usize)> {
    let entries = verdict.trash.iter().enumerate();
    entries.filter_map(|(replica, server)| server.map(|server| (replica, server)))
}

fn check_entries(block: &Block, views: &[View], verdict: &Verdict) -> Result<(), String> {
    let mut mtimes = BTreeSet::new();
    for (replica, server) in trashed(verdict) {
        let held = block.copies[replica];
        if held.mtime >= MIN_MTIME {
            return Err(format!("a new replica is trashed: {held:?}"));
        }
        let view = views.iter().find(|view| view.server == server && view.device == held.device);
        if !view.is_some_and(|view| view.trash) {
            return Err(format!("{held:?} is trashed through {view:?}"));
        }
        if !mtimes.insert(held.mtime) {
            return Err(format!("two entries have the mtime of {held:?}"));
        }
        if block.sizes == Sizes::Differ {
            return Err("trash although sizes differ".to_owned());
        }
    }
    Ok(())
}

/// Replicas with the mtime of an entry may be the same bytes: they are counted as gone too.
fn check_what_is_left(cluster: &Cluster, block: &Block, verdict: &Verdict) -> Result<(), String> {
    let gone: BTreeSet<i64> =
        trashed(verdict).map(|(replica, _)| block.copies[replica].mtime).collect();
    let copies = |class: Option<&str>, left: bool| -> u32 {
        block
            .copies
            .iter()
            .filter(|held| !held.doomed)
            .filter(|held| !left || !gone.contains(&held.mtime))
            .map(|held| &cluster.devices[held.device])
            .filter(|device| class.is_none_or(|class| device.classes.contains(&class)))
            .map(|device| device.replication)
            .sum()
    };
    let classes = block.wish.iter().map(|(class, wanted)| (Some(*class), *wanted));
    let most = block.wish.iter().map(|(_, wanted)| *wanted).max().unwrap_or(0);
    for (class, wanted) in classes.chain([(None, most)]) {
        let (before, after) = (copies(class, false), copies(class, true));
        if after < before.min(wanted) {
            return Err(format!("{class:?}: {wanted} wanted, {before} before, {after} after"));
        }
        if class.is_some() && before < wanted && !gone.is_empty() {
            return Err(format!(
                "trash although {class:?} is short: {wanted} wanted, {before} there"
            ));
        }
    }
    Ok(())
}

fn check_pulls(block: &Block, views: &[View], verdict: &Verdict) -> Result<(), String> {
    let mut devices = BTreeSet::new();
    for (server, device) in &verdict.pulls {
        let view = views.iter().find(|view| view.server == *server && view.device == *device);
        if !view.is_some_and(|view| view.write) {
            return Err(format!("a pull to {view:?}"));
        }
        if block.copies.iter().any(|held| held.device == *device) || !devices.insert(*device) {
            return Err(format!("a pull to device {device}, which has the block or will"));
        }
        if block.wish.iter().all(|(_, copies)| *copies == 0) {
            return Err("a pull of a block that nobody wants".to_owned());
        }
        if verdict.sources.is_empty() {
            return Err("a pull from nowhere".to_owned());
        }
    }
    for source in &verdict.sources {
        let stays = views.iter().filter(|view| view.server == *source).any(|view| {
            let at = block.copies.iter().position(|held| held.device == view.device);
            at.is_some_and(|replica| verdict.trash[replica].is_none())
        });
        if !stays {
            return Err(format!("server {source} is a source, and has no replica that stays"));
        }
    }
    Ok(())
}

/// Of what nobody wants, one of each mtime goes, if it can.
fn check_progress(block: &Block, views: &[View], verdict: &Verdict) -> Result<(), String> {
    let wanted = block.wish.iter().any(|(_, copies)| *copies > 0);
    if wanted || block.sizes == Sizes::Differ {
        return Ok(());
    }
    let can_go = block.copies.iter().filter(|held| {
        held.mtime < MIN_MTIME && views.iter().any(|view| view.device == held.device && view.trash)
    });
    let mtimes: BTreeSet<i64> = can_go.map(|held| held.mtime).collect();
    let entries = trashed(verdict).count();
    if mtimes.len() == entries { Ok(()) } else { Err(format!("{entries} entries for {mtimes:?}")) }
}

/// The checks can fail: each line of the table breaks one promise.
#[cfg(test)]
mod tests {
    use keep_rules::BlockHash;
    use keep_rules::balance::Category;

    use super::*;
    use crate::cluster::{Device, Held, Server};

    fn device(at: usize) -> Device {
        Device { uuid: format!("disk-{at}"), replication: 1, classes: vec!["default"] }
    }

    fn server(at: usize) -> Server {
        Server { uuid: format!("keep-{at}"), read_only: false }
    }

    /// Three servers with one disk each; the third can only be read. Each has the block; two copies are wanted.
    fn world() -> (Cluster, Block) {
        let view = |at| View { server: at, device: at, write: at < 2, trash: at < 2 };
        let cluster = Cluster {
            servers: (0..4).map(server).collect(),
            devices: (0..4).map(device).collect(),
            views: [
                view(0),
                view(1),
                view(2),
                View { server: 3, device: 3, write: true, trash: true },
            ]
            .into(),
        };
        let held =
            |device: usize| Held { device, mtime: MIN_MTIME - 10 + device as i64, doomed: false };
        let block = Block {
            hash: BlockHash::EMPTY,
            copies: (0..3).map(held).collect(),
            wish: vec![("default", 2)],
            sizes: Sizes::Agree,
        };
        (cluster, block)
    }

    fn verdict(trash: [Option<usize>; 3]) -> Verdict {
        Verdict {
            trash: trash.into(),
            pulls: vec![],
            sources: vec![],
            category: Category::Balanced,
            counts: [0; 3],
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Block, &mut Verdict), complaint: &str) {
        let (cluster, mut block) = world();
        let mut verdict = verdict([Some(0), None, None]);
        change(&mut block, &mut verdict);
        match broken(&cluster, &block, &verdict) {
            Ok(()) => assert_eq!("fine", complaint),
            Err(found) => assert!(found.contains(complaint), "{found}"),
        }
    }

    #[test]
    fn a_fair_verdict_passes() {
        check(|_, _| {}, "fine");
    }

    #[test]
    fn every_broken_promise_is_found() {
        check(|block, _| block.copies[0].mtime = MIN_MTIME, "a new replica is trashed");
        check(|_, verdict| verdict.trash = vec![None, None, Some(2)], "is trashed through");
        check(|_, verdict| verdict.trash = vec![Some(1), None, None], "is trashed through");
        check(|block, _| block.sizes = Sizes::Differ, "sizes differ");
        check(|_, verdict| verdict.trash[1] = Some(1), "2 wanted, 3 before, 1 after");
        check(|block, _| block.copies[1].doomed = true, "2 wanted, 2 before, 1 after");
        check(
            |block, _| block.copies[1].mtime = block.copies[0].mtime,
            "2 wanted, 3 before, 1 after",
        );
        check(|block, _| block.wish = vec![("default", 4)], "4 wanted, 3 before, 2 after");
        check(|block, _| block.wish = vec![("nowhere", 2)], "is short");
        check(
            |block, verdict| {
                block.wish.clear();
                block.copies[1].mtime = block.copies[0].mtime;
                verdict.trash[1] = Some(1);
            },
            "two entries have the mtime",
        );
        check(|block, _| block.wish.clear(), "1 entries for");
        check(|_, verdict| verdict.pulls = vec![(2, 2)], "a pull to");
        check(|_, verdict| verdict.pulls = vec![(1, 1)], "has the block or will");
        check(|_, verdict| verdict.pulls = vec![(3, 3)], "from nowhere");
        check(
            |_, verdict| {
                verdict.pulls = vec![(3, 3)];
                verdict.sources = vec![0];
            },
            "has no replica that stays",
        );
        check(
            |_, verdict| {
                verdict.pulls = vec![(3, 3)];
                verdict.sources = vec![1, 2];
            },
            "fine",
        );
    }
}
