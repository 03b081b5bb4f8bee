//! What a list is, as people read it: its receipt, how it is doing, and what holds it.

use keep_protocol::client::{ListReceipt, ReceiptState};
use keep_protocol::status::{ListName, ListState, ListStatus, Origin};
use keep_rules::Timestamp;

use crate::counted::counted;
use crate::utc;

/// Several lines: everything but the counts.
pub(super) fn drawn(status: &ListStatus, now: Timestamp) -> String {
    let list = status.list;
    let Some(received_at) = status.received_at_ns.map(Timestamp::from_nanos) else {
        return format!("{list}: no list has come yet");
    };
    let mut lines = vec![format!("{list} list {}: {}", status.generation, state(status))];
    let age = now.since(received_at).as_secs();
    lines.push(format!("  received  {}, {} ago", utc::text(received_at), utc::span(age)));
    if let Some(source) = &status.source {
        lines.push(format!(
            "  from      {} ({}), request {}",
            source.remote_addr,
            or_unknown(&source.user_agent),
            or_unknown(&source.request_id)
        ));
    }
    if let Some(epoch) = status.epoch {
        lines.push(format!("  epoch     {epoch}"));
    }
    if let Some(digest) = &status.digest {
        lines.push(format!("  digest    {digest}"));
    }
    let kept = if status.durable { "on disk: it survives a restart" } else { "in memory only" };
    lines.push(format!("  kept      {kept}"));
    lines.push(format!("  speed     {}", speed(status)));
    if status.waiting + status.running > 0 {
        lines.push(format!("  oldest    has waited for {}", utc::span(age)));
    }
    lines.push(format!("  settings  {}", settings(status)));
    lines.join("\n")
}

/// One line after a list was sent.
pub(super) fn taken(list: ListName, receipt: &ListReceipt) -> String {
    let mut text = format!("{list} list {}", receipt.id);
    if let Some(items) = receipt.items {
        text.push_str(&format!(": {items} items"));
    }
    if let Some(state) = receipt.state {
        text.push_str(&format!(", {}", state.as_str()));
    }
    if let Some(digest) = &receipt.digest {
        text.push_str(&format!(", digest {digest}"));
    }
    if receipt.state == Some(ReceiptState::Current(ListState::Held)) {
        text.push_str(&format!("\nIt is held: `donjon list show {list} --only receipt` says why."));
    }
    text
}

fn state(status: &ListStatus) -> String {
    let mut text = status.state.as_str().to_owned();
    if let Some(why) = &status.idle_because {
        text.push_str(": ");
        text.push_str(why);
    }
    if let (ListState::Held, Some(digest)) = (status.state, &status.digest) {
        text.push_str(&format!(
            "\n  release   donjon list release {} --digest {digest}",
            status.generation
        ));
    }
    text
}

fn speed(status: &ListStatus) -> String {
    let ended = status.ended_last_minute;
    let mut text = format!("{ended} items in the last minute, {:.1} a second", ended as f64 / 60.0);
    if let Some(eta) = status.eta_seconds {
        text.push_str(&format!("; nothing waits in {}", utc::span(eta)));
    }
    text
}

fn settings(status: &ListStatus) -> String {
    let settings = &status.settings;
    let mut parts = vec![counted(status.workers, "worker")];
    for (setting, unit) in
        [(settings.items_per_second, "items"), (settings.bytes_per_second, "bytes")]
    {
        if let Some(value) = setting.value {
            parts.push(format!("at most {value} {unit} a second"));
        }
    }
    let mut text = parts.join(", ");
    let all = [settings.workers, settings.items_per_second, settings.bytes_per_second];
    if all.iter().any(|setting| setting.origin == Origin::Runtime) {
        text.push_str(" (changed at run time: `donjon list set` shows which)");
    }
    text
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::ListSource;

    use super::*;

    #[test]
    fn a_held_list_tells_who_sent_it_and_how_to_release_it() {
        let status = ListStatus {
            generation: 7,
            received_at_ns: Some(1_795_451_810_000_000_000),
            digest: Some("abcd".to_owned()),
            source: Some(ListSource {
                remote_addr: "10.0.0.1:999".to_owned(),
                request_id: "req-1".to_owned(),
                user_agent: String::new(),
            }),
            epoch: Some(5),
            state: ListState::Held,
            idle_because: Some("it names 90 % of a volume".to_owned()),
            durable: true,
            received: 9,
            waiting: 9,
            workers: 4,
            ended_last_minute: 90,
            eta_seconds: Some(320),
            ..ListStatus::none(ListName::Trash)
        };
        let now = Timestamp::from_seconds(1_795_451_870);
        let expected = "\
trash list 7: held: it names 90 % of a volume
  release   donjon list release 7 --digest abcd
  received  2026-11-23 16:36:50Z, 1 min ago
  from      10.0.0.1:999 (unknown), request req-1
  epoch     5
  digest    abcd
  kept      on disk: it survives a restart
  speed     90 items in the last minute, 1.5 a second; nothing waits in 5 min 20 s
  oldest    has waited for 1 min
  settings  4 workers";
        assert_eq!(drawn(&status, now), expected);
    }

    #[test]
    fn before_the_first_list_there_is_nothing_to_tell() {
        let text = drawn(&ListStatus::none(ListName::Pull), Timestamp::EPOCH);
        assert_eq!(text, "pull: no list has come yet");
    }
}
