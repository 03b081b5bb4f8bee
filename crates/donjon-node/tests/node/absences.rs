//! A node that was away for long does not go on with its trash list: the world may have moved on.

use std::fs;
use std::time::Duration;

use donjon_node::config::Config;
use keep_protocol::status::{ListName, ListState};
use reqwest::StatusCode;

use crate::harness::{NOW, TestNode};
use crate::restarts::{BLOCKS, Site, post, send, stop};

const WITHIN: Duration = Duration::from_secs(5 * 60);
const NANO: Duration = Duration::from_nanos(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A site whose node has a trash list of which nothing is done, and was last seen at [`NOW`].
async fn with_a_list() -> Site {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    assert_eq!(post(&node, "pause").await, StatusCode::OK);
    send(&node, &site.list()).await;
    stop(node).await;
    site
}

/// Starts the node so long after [`NOW`], and lets its list go on if it may.
async fn start_after(site: &Site, away: Duration) -> TestNode {
    let node = site.start_at(NOW.after(away), |_config| {}).await;
    assert_eq!(post(&node, "resume").await, StatusCode::OK);
    node
}

async fn goes_on(site: &Site, node: &TestNode) {
    assert_eq!(node.idle(ListName::Trash).await.done, BLOCKS as u64);
    assert_eq!(site.left().await, 0);
}

/// The list is held; gives the reason.
async fn is_held(site: &Site, node: &TestNode) -> String {
    let status = node.list(ListName::Trash).await;
    assert_eq!((status.state, status.waiting), (ListState::Held, BLOCKS as u64));
    assert_eq!(status.accounted_for(), status.received);
    assert_eq!(site.left().await, BLOCKS);
    node.metric("donjon_list_held{list=\"trash\"} 1").await;
    status.idle_because.unwrap()
}

async fn release(node: &TestNode) {
    let digest = node.list(ListName::Trash).await.digest.unwrap();
    assert_eq!(post(node, &format!("1/release?digest={digest}")).await, StatusCode::OK);
}

#[tokio::test]
async fn after_a_short_absence_a_trash_list_goes_on() {
    let site = with_a_list().await;
    let node = start_after(&site, WITHIN).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn after_a_long_absence_a_trash_list_is_held_until_its_release() {
    let site = with_a_list().await;
    let node = start_after(&site, HOUR).await;
    let why = is_held(&site, &node).await;
    assert!(why.starts_with("the node was away for 1h, longer than "), "{why}");
    assert!(
        why.contains("the balancer's next list") && why.contains("donjon list release"),
        "{why}"
    );
    release(&node).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn a_nanosecond_too_long_is_too_long() {
    let site = with_a_list().await;
    let node = start_after(&site, WITHIN + NANO).await;
    is_held(&site, &node).await;
}

#[tokio::test]
async fn starts_that_follow_do_not_make_a_held_list_go_on() {
    let site = with_a_list().await;
    let mut first = String::new();
    for start in 0..3 {
        let node = start_after(&site, HOUR + start * NANO).await;
        let why = is_held(&site, &node).await;
        assert!(first.is_empty() || why == first, "{why}");
        first = why;
        stop(node).await;
    }
    // Another long absence adds nothing to the reason.
    let node = start_after(&site, 2 * HOUR).await;
    assert_eq!(is_held(&site, &node).await, first);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_once_is_not_gone_on_with_by_the_next_start() {
    let site = with_a_list().await;
    let (list, aside) = (site.state.path().join("trash-1.list"), site.state.path().join("aside"));
    fs::rename(&list, &aside).unwrap();
    let node = start_after(&site, HOUR).await;
    assert_eq!(node.list(ListName::Trash).await.waiting, 0);
    // An order about no list is none about what is on the disk.
    assert_eq!(post(&node, "cancel").await, StatusCode::OK);
    stop(node).await;
    fs::rename(&aside, &list).unwrap();
    let node = start_after(&site, HOUR + NANO).await;
    let why = is_held(&site, &node).await;
    assert!(why.starts_with("the start before could not read this list"), "{why}");
}

#[tokio::test]
async fn signs_of_life_are_left_again_once_another_list_is_there() {
    let site = with_a_list().await;
    let list = site.state.path().join("trash-1.list");
    fs::write(&list, "damaged").unwrap();
    let node = start_after(&site, HOUR).await;
    assert_eq!(post(&node, "pause").await, StatusCode::OK);
    send(&node, &site.list()).await;
    stop(node).await;
    let node = start_after(&site, HOUR + WITHIN).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn without_a_credible_sign_of_life_a_trash_list_is_held() {
    let ahead = |span| NOW.after(span).to_string();
    let signs = [
        (None, "has no file alive"),
        (Some("yesterday".to_owned()), "cannot be read"),
        (Some(ahead(HOUR)), "its clock is 1h behind"),
        (Some(ahead(Duration::from_secs(61))), "its clock is 1m1s behind"),
    ];
    for (sign, says) in signs {
        let site = with_a_list().await;
        let file = site.state.path().join("alive");
        fs::remove_file(&file).unwrap();
        if let Some(sign) = sign {
            fs::write(&file, sign).unwrap();
        }
        let node = start_after(&site, Duration::ZERO).await;
        let why = is_held(&site, &node).await;
        assert!(why.contains(says), "{why}");
    }
    let site = with_a_list().await;
    fs::write(site.state.path().join("alive"), ahead(Duration::from_secs(60))).unwrap();
    let node = start_after(&site, Duration::ZERO).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn a_new_list_takes_the_place_of_one_that_is_held_after_an_absence() {
    let site = with_a_list().await;
    let node = start_after(&site, HOUR).await;
    is_held(&site, &node).await;
    send(&node, &site.list()).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn a_list_with_nothing_left_is_not_held() {
    let site = with_a_list().await;
    let node = start_after(&site, Duration::ZERO).await;
    goes_on(&site, &node).await;
    stop(node).await;
    let node = start_after(&site, HOUR).await;
    assert_eq!(node.list(ListName::Trash).await.state, ListState::Idle);
}

#[tokio::test]
async fn a_release_from_before_an_absence_does_not_count() {
    let site = Site::new().await;
    let node = site.start(|config| config.lists.guard.floor = 10).await;
    assert_eq!(post(&node, "pause").await, StatusCode::OK);
    send(&node, &site.list()).await;
    release(&node).await;
    stop(node).await;
    let node = start_after(&site, HOUR).await;
    is_held(&site, &node).await;
    release(&node).await;
    goes_on(&site, &node).await;
}

#[tokio::test]
async fn a_list_that_the_guard_held_tells_of_the_absence_too() {
    let site = Site::new().await;
    let guarded = |config: &mut Config| config.lists.guard.floor = 10;
    let node = site.start(guarded).await;
    send(&node, &site.list()).await;
    node.metric("donjon_list_held{list=\"trash\"} 1").await;
    stop(node).await;
    let node = site.start_at(NOW.after(HOUR), guarded).await;
    let why = is_held(&site, &node).await;
    assert!(why.contains("away for 1h") && why.contains("30 of 30 blocks"), "{why}");
}

#[tokio::test]
async fn a_pull_list_goes_on_however_long_the_node_was_away() {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    let pause = |node: &TestNode, word: &str| {
        node.admin("POST", &format!("donjon/v1/lists/pull/{word}")).send()
    };
    pause(&node, "pause").await.unwrap();
    let list = r#"[{"locator":"acbd18db4cc2f85cedef654fccc4a4d8+3","servers":[]}]"#;
    let answer = node.admin("PUT", "pull").body(list).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    stop(node).await;
    let node = site.start_at(NOW.after(HOUR), |_config| {}).await;
    assert_eq!(node.list(ListName::Pull).await.state, ListState::Paused);
    pause(&node, "resume").await.unwrap();
    assert_eq!(node.idle(ListName::Pull).await.received, 1);
}
