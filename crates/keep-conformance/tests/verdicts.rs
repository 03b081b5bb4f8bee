//! A right server passes, and each fault of a wrong one is found by the case that is about it.

mod fake_keepstore;

use std::collections::BTreeSet;

use fake_keepstore::{ADMIN, Fault};
use keep_conformance::{
    ProcessLauncher, Row, RunningServer, Secret, Selection, Summary, Target, Verdict, run,
};

/// The cases that the fake, which has no lists, volumes or settings, is meant to pass.
const SERVED: [u8; 24] =
    [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 25, 26, 27, 35, 36, 37, 38, 54, 57, 84, 89];

fn numbers(numbers: &[u8]) -> Selection {
    Selection::Numbers(numbers.iter().copied().collect())
}

async fn run_against(fault: Fault, selection: &[u8]) -> Vec<Row> {
    let url = fake_keepstore::start(fault).await.parse().expect("a fake has a URL");
    let target = Target::running(RunningServer::new(url, Secret::new(ADMIN)));
    run(&target, &numbers(selection), |_row| {}).await
}

fn wrong(rows: &[Row]) -> BTreeSet<u8> {
    rows.iter().filter(|row| row.verdict == Verdict::Wrong).map(|row| row.number).collect()
}

async fn check(fault: Fault, found_by: &[u8]) {
    let rows = run_against(fault, &SERVED).await;
    assert_eq!(wrong(&rows), found_by.iter().copied().collect(), "{fault:?}: {rows:#?}");
}

#[tokio::test]
async fn a_right_server_passes() {
    let rows = run_against(Fault::Nothing, &SERVED).await;
    assert!(rows.iter().all(|row| row.verdict == Verdict::Same), "{rows:#?}");
    assert_eq!(Summary::of(&rows), Summary { same: SERVED.len(), ..Summary::default() });
    assert!(Summary::of(&rows).passed());
}

#[tokio::test]
async fn serving_without_a_signature_is_found() {
    check(Fault::ServesUnsigned, &[4, 9]).await;
}

#[tokio::test]
async fn serving_without_a_token_is_found() {
    check(Fault::ServesAnybody, &[2, 9, 25]).await;
}

#[tokio::test]
async fn serving_by_an_expired_signature_is_found() {
    check(Fault::ServesExpired, &[5]).await;
}

#[tokio::test]
async fn damaged_data_is_found() {
    check(Fault::ServesDamaged, &[1, 10, 11, 27, 37]).await;
}

#[tokio::test]
async fn a_missing_header_is_found() {
    check(Fault::ForgetsVary, &[1]).await;
}

#[tokio::test]
async fn another_error_text_is_found() {
    check(Fault::OtherErrorText, &[3, 4, 12, 26]).await;
}

#[tokio::test]
async fn a_wrong_length_is_found() {
    check(Fault::WrongHeadLength, &[8]).await;
}

#[tokio::test]
async fn a_wrong_hash_taken_is_found() {
    check(Fault::StoresUnderAnyHash, &[38]).await;
}

#[tokio::test]
async fn a_user_who_may_touch_is_found() {
    for (fault, verdict) in
        [(Fault::Nothing, Verdict::Same), (Fault::TouchesForUsers, Verdict::Wrong)]
    {
        let url = fake_keepstore::start(fault).await.parse().expect("a fake has a URL");
        let mut server = RunningServer::new(url, Secret::new(ADMIN));
        server.management_token = Some(Secret::new("fakemanagementtoken"));
        let rows = run(&Target::running(server), &numbers(&[55]), |_row| {}).await;
        assert_eq!(rows[0].verdict, verdict, "{rows:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_found() {
    let reads_a_body = |number: &u8| ![8, 9, 84].contains(number);
    let found_by: Vec<u8> = SERVED.into_iter().filter(reads_a_body).collect();
    check(Fault::CutsBodies, &found_by).await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_passes_nothing() {
    for fault in [Fault::HangsUp, Fault::HeaderlessAnswer] {
        let rows = run_against(fault, &[1, 4, 8, 13, 35]).await;
        let same = rows
            .iter()
            .filter(|row| matches!(row.verdict, Verdict::Same | Verdict::Better))
            .count();
        assert_eq!(same, 0, "{fault:?}: {rows:#?}");
    }
}

#[tokio::test]
async fn what_the_target_lacks_is_skipped_with_the_reason_and_is_no_failure() {
    let rows = run_against(Fault::Nothing, &[1, 6, 58, 65, 85]).await;
    assert_eq!(Summary::of(&rows), Summary { same: 1, skipped: 4, ..Summary::default() });
    assert!(Summary::of(&rows).passed());
    for (row, lacking) in
        rows[1..].iter().zip(["signing key", "volume", "other settings", "management token"])
    {
        assert!(
            matches!(&row.verdict, Verdict::Skipped(reason) if reason.contains(lacking)),
            "{row:?}"
        );
    }
}

#[tokio::test]
async fn nothing_tried_is_not_passed() {
    let rows = run_against(Fault::Nothing, &[65]).await;
    assert!(!Summary::of(&rows).passed());
}

#[tokio::test]
async fn a_program_that_never_starts_is_wrong_even_where_it_should_refuse() {
    let target = Target::launched(ProcessLauncher::new("/bin/sh", &["-c", "exit 1", "{config}"]));
    let rows = run(&target, &numbers(&[1, 65, 90, 91]), |_row| {}).await;
    assert_eq!(wrong(&rows), BTreeSet::from([1, 65, 90, 91]));
    assert!(rows[0].got.contains("did not start"), "{rows:?}");
}

#[tokio::test]
async fn rows_are_reported_as_they_come() {
    let url = fake_keepstore::start(Fault::Nothing).await.parse().expect("a fake has a URL");
    let target = Target::running(RunningServer::new(url, Secret::new(ADMIN)));
    let mut seen = Vec::new();
    let rows = run(&target, &numbers(&[14, 2]), |row| seen.push(row.number)).await;
    assert_eq!(seen, [2, 14]);
    assert_eq!(rows.len(), 2);
}
