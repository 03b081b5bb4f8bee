use std::fs;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

const A: (&str, &str) = ("a", "http://a");
const B: (&str, &str) = ("b", "http://b");

fn plan(name: &str) -> SentTrash {
    let (plan, digest) = (name.to_owned(), format!("{name}-digest"));
    SentTrash::Plan { plan, digest, list_id: None, list_digest: None }
}

fn plans(doomed: Doomed) -> Vec<(String, Vec<String>)> {
    match doomed {
        Doomed::Plans(plans) => {
            plans.into_iter().map(|doomed| (doomed.plan, doomed.servers)).collect()
        }
        Doomed::Unknown { why } => panic!("{why}"),
    }
}

#[test]
fn what_is_not_remembered_is_unknown() {
    let sent = Sent::default();
    assert!(matches!(sent.doomed([A], NOW), Doomed::Unknown { .. }));
    assert_eq!(sent.doomed([], NOW), Doomed::Plans(Vec::new()));
}

#[test]
fn a_list_on_its_way_is_unknown_until_the_node_has_said_so() {
    let mut sent = Sent::default();
    sent.sending(A, NOW);
    assert!(matches!(sent.doomed([A], NOW), Doomed::Unknown { .. }));
    sent.accepted(A, plan("one"), NOW);
    assert_eq!(plans(sent.doomed([A], NOW)), [("one".to_owned(), vec!["a".to_owned()])]);
}

#[test]
fn the_list_before_may_be_in_hand_for_a_while() {
    let mut sent = Sent::default();
    sent.accepted(A, plan("one"), NOW);
    sent.sending(A, NOW);
    sent.accepted(A, plan("two"), NOW);
    let names =
        |now| plans(sent.doomed([A], now)).into_iter().map(|(plan, _)| plan).collect::<Vec<_>>();
    assert_eq!(names(NOW), ["one", "two"]);
    assert_eq!(names(NOW.after(IN_HAND)), ["two"]);
}

#[test]
fn a_send_that_was_lost_stays_unknown_until_the_node_is_idle() {
    let mut sent = Sent::default();
    sent.accepted(A, plan("one"), NOW);
    sent.sending(A, NOW);
    sent.sending(A, NOW);
    sent.accepted(A, plan("two"), NOW);
    assert!(matches!(sent.doomed([A], NOW), Doomed::Unknown { .. }));
    sent.idle(A, None, NOW);
    assert_eq!(plans(sent.doomed([A], NOW)), []);
}

#[test]
fn a_node_that_is_gone_may_still_work() {
    let mut sent = Sent::default();
    for (node, list) in [(A, plan("one")), (B, plan("one"))] {
        sent.accepted(node, list, NOW);
    }
    assert_eq!(sent.gone(&["a", "b"]), Gone::default());
    let gone = sent.gone(&["a"]);
    assert_eq!((gone.plans[0].servers.as_slice(), gone.unknown.len()), (&["b".to_owned()][..], 0));
    sent.idle(B, None, NOW);
    assert_eq!(sent.gone(&["a"]), Gone::default());
    sent.sending(B, NOW);
    assert_eq!(sent.gone(&["a"]).unknown, ["http://b"]);
    sent.unknown("a");
    assert_eq!(sent.gone(&[]).unknown, ["http://a", "http://b"]);
    sent.released_for(&["a"]);
    assert_eq!(sent.gone(&[]).unknown, ["http://a"]);
}

#[test]
fn what_a_gone_node_had_in_hand_is_not_forgotten() {
    let mut sent = Sent::default();
    sent.accepted(B, plan("one"), NOW);
    sent.sending(B, NOW);
    sent.accepted(B, plan("two"), NOW);
    let doomed = sent.doomed([B], NOW.after(IN_HAND));
    assert_eq!(plans(doomed).len(), 1, "who is asked says what is in hand");
    assert_eq!(sent.gone(&["a"]).plans.len(), 2);
}

#[test]
fn a_list_that_is_known_stays_in_force_until_its_node_is_forgotten() {
    let mut sent = Sent::default();
    sent.accepted(A, plan("one"), NOW);
    sent.released_for(&[]);
    assert_eq!(sent.gone(&[]).plans.len(), 1);
    assert!(!sent.forget("http://b"));
    assert!(sent.forget("http://a"));
    assert_eq!(sent.gone(&[]), Gone::default());
    sent.accepted(B, plan("one"), NOW);
    assert!(sent.forget("b"));
    assert_eq!(sent.remembered().count(), 0);
}

#[test]
fn it_survives_a_restart_and_damage_is_forgetting() {
    let dir = tempfile::tempdir().unwrap();
    let mut sent = Sent::load(dir.path()).unwrap();
    assert!(!sent.damaged, "nothing was sent yet");
    sent.accepted(A, plan("one"), NOW);
    sent.accepted(B, SentTrash::Cleared { list_id: None }, NOW);
    sent.epoch = 7;
    sent.last_run = Some(LastRun { collections: 1, wanted_blocks: 2, ..LastRun::default() });
    sent.accepted_pulls("a", SentPulls { plan: "one".to_owned(), list_id: Some(7) });
    sent.store(dir.path()).unwrap();
    assert_eq!(Sent::load(dir.path()).unwrap(), sent);
    let file = dir.path().join(FILE);
    let text = fs::read(&file).unwrap();
    // What an earlier version wrote is understood.
    let old: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut old = old.as_object().unwrap().clone();
    old.remove("pulls");
    old["last_run"].as_object_mut().unwrap().remove("sources");
    fs::write(&file, serde_json::to_vec(&old).unwrap()).unwrap();
    let old = Sent::load(dir.path()).unwrap();
    assert_eq!((old.epoch, &old.last_run), (7, &sent.last_run));
    fs::write(&file, &text[..text.len() / 2]).unwrap();
    let mut sent = Sent::load(dir.path()).unwrap();
    assert_eq!(sent, Sent { damaged: true, ..Sent::default() });
    sent.store(dir.path()).unwrap();
    assert!(Sent::load(dir.path()).unwrap().damaged, "until somebody has looked");
    sent.released_for(&[]);
    assert_eq!(sent, Sent::default());
    // It is gone, beside what it was stored with.
    fs::remove_file(&file).unwrap();
    fs::create_dir(dir.path().join("plans")).unwrap();
    assert!(!Sent::load(dir.path()).unwrap().damaged, "no run has come so far as to store it");
    fs::write(dir.path().join("plans/1.plan"), "").unwrap();
    assert!(Sent::load(dir.path()).unwrap().damaged);
}
