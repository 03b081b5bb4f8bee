//! A conformance suite that cannot fail is worthless: a node with a wrong setting must be found wrong.
//!
//! The fault is a decorator of the launcher: the node is right, and is not given what the case asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use keep_conformance::{
    Access, Launcher, ProcessLauncher, Running, Secret, Selection, Setup, Signing, StartFailure,
    Target, Trash, Verdict, async_trait, run,
};

/// Starts nodes with other settings than the case asked for.
#[derive(Debug)]
struct Distorted {
    launcher: ProcessLauncher,
    distort: fn(&mut Setup),
}

#[async_trait]
impl Launcher for Distorted {
    async fn start(&self, setup: &Setup) -> Result<Running, StartFailure> {
        let mut setup = setup.clone();
        (self.distort)(&mut setup);
        self.launcher.start(&setup).await
    }

    async fn refused_arguments(&self, setup: &Setup, arguments: &[&str]) -> StartFailure {
        self.launcher.refused_arguments(setup, arguments).await
    }
}

/// Runs the cases in `found_by`, all of which must be wrong.
async fn check(distort: fn(&mut Setup), found_by: &[u8]) {
    let launcher =
        ProcessLauncher::new(env!("CARGO_BIN_EXE_donjon"), &["serve", "--config", "{config}"]);
    let numbers: BTreeSet<u8> = found_by.iter().copied().collect();
    let rows = run(
        &Target::launched(Distorted { launcher, distort }),
        &Selection::Numbers(numbers),
        |_row| {},
    )
    .await;
    let missed: Vec<_> = rows.iter().filter(|row| row.verdict != Verdict::Wrong).collect();
    assert!(missed.is_empty() && rows.len() == found_by.len(), "not found wrong: {missed:#?}");
}

#[tokio::test]
async fn signing_off_is_found() {
    let off = |setup: &mut Setup| {
        setup.signing = Signing::Off(Secret::new("anykeyanykeyanykeyanykeyanykeyanykey"))
    };
    check(off, &[2, 3, 4, 5, 6, 9, 12, 25, 26]).await;
}

#[tokio::test]
async fn another_key_is_found() {
    let other = |setup: &mut Setup| {
        setup.signing = Signing::On(Secret::new("anykeyanykeyanykeyanykeyanykeyanykey"))
    };
    check(other, &[1, 15, 35, 82, 90]).await;
}

#[tokio::test]
async fn trash_off_is_found() {
    check(|setup| setup.trash = Trash::Off, &[58, 60, 62, 63, 73, 74, 76]).await;
}

#[tokio::test]
async fn trash_on_is_found() {
    check(|setup| setup.trash = Trash::On, &[61, 79]).await;
}

#[tokio::test]
async fn a_short_signature_ttl_is_found() {
    check(|setup| setup.signing_ttl = Duration::from_secs(1), &[75]).await;
}

#[tokio::test]
async fn writing_to_read_only_volumes_is_found() {
    let writable = |setup: &mut Setup| {
        setup.volumes.iter_mut().for_each(|volume| volume.access = Access::ReadWrite)
    };
    check(writable, &[50, 62, 64, 76, 77]).await;
}

#[tokio::test]
async fn another_replication_is_found() {
    let one =
        |setup: &mut Setup| setup.volumes.iter_mut().for_each(|volume| volume.replication = 1);
    check(one, &[39, 40, 41, 43]).await;
}

#[tokio::test]
async fn a_missing_volume_is_found() {
    check(|setup| setup.volumes.truncate(1), &[39, 40, 41, 43, 47, 49, 67]).await;
}

#[tokio::test]
async fn a_list_worked_off_too_soon_is_found() {
    check(|setup| setup.trash_workers = 1, &[78, 80]).await;
}

#[tokio::test]
async fn a_list_never_worked_off_is_found() {
    check(|setup| setup.trash_workers = 0, &[73]).await;
}

#[tokio::test]
async fn an_endless_queue_is_found() {
    check(|setup| setup.concurrent_requests_max = 64, &[88]).await;
}

#[tokio::test]
async fn an_unknown_remote_is_found() {
    check(|setup| setup.remote = None, &[31, 32, 33, 34]).await;
}

#[tokio::test]
async fn starting_with_bad_settings_is_found() {
    check(|setup| setup.buffers = 8, &[90]).await;
}
