//! `donjon block explain`

use keep_protocol::status::{BlockExplained, ListMention, MountExplained, TrashedCopy};
use keep_rules::{Locator, Timestamp};

use crate::commands::freeze;
use crate::commands::ledger::entries_table;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};
use crate::{table, utc};

/// Explain a block: where it is, what became of it and why, and what will happen next. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block explain --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8
  donjon block explain --url http://keep0:25107 --token-file /etc/keep.token --json \\
    acbd18db4cc2f85cedef654fccc4a4d8

With --json: one object.
Exit status: 0 a mount has it, live or in its trash, 3 none has it,
4 none that could be asked has it, but one could not be asked, 1 an error")]
pub(crate) struct ExplainArgs {
    /// The block, by its hash or a locator
    #[arg(value_name = "HASH")]
    block: Locator,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: ExplainArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let hash = args.block.hash();
    let explained =
        client.explain_block(hash).await.map_err(Failure::node(format!("block {hash}")))?;
    print(args.format, &explained, drawn)?;
    Ok(exit(&explained))
}

fn exit(explained: &BlockExplained) -> Exit {
    let has = |mount: &MountExplained| mount.size.is_some() || !mount.trashed.is_empty();
    if explained.mounts.iter().any(has) {
        Exit::Done
    } else if explained.mounts.iter().any(|mount| mount.problem.is_some()) {
        Exit::Partly
    } else {
        Exit::NotFound
    }
}

fn drawn(explained: &BlockExplained) -> String {
    let mut parts = vec![format!("block {}", explained.hash), mounts(explained)];
    if !explained.waiting.is_empty() {
        parts.push(format!("On these lists:\n{}", waiting(&explained.waiting)));
    }
    if !explained.history.is_empty() {
        parts.push(format!("What was done:\n{}", entries_table(&explained.history)));
    }
    if explained.freeze.frozen {
        parts.push(freeze::text(&explained.freeze));
    }
    if !explained.next.is_empty() {
        parts.push(explained.next.join("\n"));
    }
    parts.join("\n\n")
}

fn mounts(explained: &BlockExplained) -> String {
    let mut table = table::table(["MOUNT", "LIVE", "MTIME", "AGE", "MAY BE TRASHED", "IN TRASH"]);
    for mount in &explained.mounts {
        table.add_row([
            mount.mount_uuid.clone(),
            live(mount),
            mount.mtime_ns.map(instant).unwrap_or_default(),
            mount.age_seconds.map(utc::span).unwrap_or_default(),
            may_be_trashed(mount, explained.ttl_seconds),
            mount.trashed.iter().map(copy).collect::<Vec<_>>().join("; "),
        ]);
    }
    table::text(&table)
}

fn live(mount: &MountExplained) -> String {
    match (&mount.problem, mount.size) {
        (Some(problem), _) => format!("cannot tell: {problem}"),
        (None, Some(size)) => table::bytes(size),
        (None, None) => "no".to_owned(),
    }
}

fn may_be_trashed(mount: &MountExplained, ttl_seconds: u64) -> String {
    match (mount.old_enough_to_trash, mount.age_seconds) {
        (Some(true), _) => "yes".to_owned(),
        (Some(false), Some(age)) => {
            format!("in {}", utc::span(ttl_seconds.saturating_sub(age)))
        }
        (Some(false), None) => "not yet".to_owned(),
        (None, _) => String::new(),
    }
}

fn copy(copy: &TrashedCopy) -> String {
    format!("{}, until {}", table::bytes(copy.size), instant(copy.until_ns))
}

fn waiting(mentions: &[ListMention]) -> String {
    let mut table = table::table(["LIST", "ID", "STATE", "MOUNT", "MTIME WANTED"]);
    for mention in mentions {
        let mount = if mention.mount_uuid.is_empty() { "(any)" } else { &mention.mount_uuid };
        table.add_row([
            mention.list.as_str().to_owned(),
            mention.generation.to_string(),
            mention.state.as_str().to_owned(),
            mount.to_owned(),
            mention.block_mtime.map(|mtime| mtime.to_string()).unwrap_or_default(),
        ]);
    }
    table::text(&table)
}

fn instant(nanos: i64) -> String {
    utc::text(Timestamp::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::Freeze;

    use super::*;

    fn explained(mounts: Vec<MountExplained>) -> BlockExplained {
        BlockExplained {
            hash: "acbd18db4cc2f85cedef654fccc4a4d8".to_owned(),
            now_ns: 0,
            ttl_seconds: 1_209_600,
            mounts,
            waiting: Vec::new(),
            history: Vec::new(),
            freeze: Freeze::default(),
            next: vec!["Nothing is planned.".to_owned()],
        }
    }

    #[test]
    fn a_mount_that_cannot_be_asked_is_not_an_absence() {
        let gone = MountExplained { problem: Some("unmounted".to_owned()), ..Default::default() };
        let none = MountExplained::default();
        assert_eq!(exit(&explained(vec![none.clone()])), Exit::NotFound);
        assert_eq!(exit(&explained(vec![none.clone(), gone.clone()])), Exit::Partly);
        let live = MountExplained { size: Some(3), ..MountExplained::default() };
        assert_eq!(exit(&explained(vec![gone, live])), Exit::Done);
    }

    #[test]
    fn the_page_tells_age_trash_and_what_is_next() {
        let young = MountExplained {
            mount_uuid: "m1".to_owned(),
            size: Some(3),
            mtime_ns: Some(0),
            age_seconds: Some(3_600),
            old_enough_to_trash: Some(false),
            ..MountExplained::default()
        };
        let trashed = MountExplained {
            mount_uuid: "m2".to_owned(),
            trashed: vec![TrashedCopy { size: 3, mtime_ns: 0, until_ns: 0 }],
            ..MountExplained::default()
        };
        let expected = "\
block acbd18db4cc2f85cedef654fccc4a4d8

MOUNT  LIVE  MTIME                 AGE  MAY BE TRASHED  IN TRASH
m1     3 B   1970-01-01 00:00:00Z  1 h  in 13 d 23 h
m2     no                                               3 B, until 1970-01-01 00:00:00Z

Nothing is planned.";
        assert_eq!(drawn(&explained(vec![young, trashed])), expected);
    }
}
