//! `donjon status`

use keep_protocol::status::{ListState, NodeStatus, VolumeStatus};
use keep_rules::Timestamp;

use super::freeze;
use super::list::books_table;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};
use crate::{table, utc};

/// Show a node at one glance: requests, volumes, lists. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon status --data /srv/keep
  donjon status --url http://keep0:25107 --token-file /etc/keep.token --json

Exit status: 0 all is well, 4 a volume has a problem, the node is frozen, or a list is held,
1 an error. A plain keepstore has no status (1).")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let status = client
        .node_status()
        .await
        .map_err(Failure::node(format!("status of {}", client.base())))?;
    print(args.format, &status, drawn)?;
    Ok(if is_well(&status) { Exit::Done } else { Exit::Partly })
}

/// Whether nothing waits for an operator.
fn is_well(status: &NodeStatus) -> bool {
    status.volumes.iter().all(|volume| volume.problem.is_none())
        && !status.freeze.frozen
        && status.lists.iter().all(|list| list.state != ListState::Held)
}

fn drawn(status: &NodeStatus) -> String {
    let started = utc::text(Timestamp::from_nanos(status.started_at_ns));
    let head =
        format!("donjon {}, cluster {}, started {started}", status.version, status.cluster_id);
    let requests = format!(
        "requests: {} running, {} waiting",
        status.requests_running, status.requests_queued
    );
    [
        head,
        requests,
        freeze::text(&status.freeze),
        String::new(),
        volumes(&status.volumes),
        String::new(),
        books_table(&status.lists),
    ]
    .join("\n")
}

fn volumes(volumes: &[VolumeStatus]) -> String {
    let mut table = table::table(["MOUNT", "WRITE", "TRASH", "FULL", "DEVICE", "PROBLEM"]);
    for volume in volumes {
        table.add_row(vec![
            volume.uuid.as_str().into(),
            table::yes_or_no(volume.allow_write),
            table::yes_or_no(volume.allow_trash),
            table::yes_or_no(volume.full),
            volume.device_id.as_str().into(),
            volume.problem.as_deref().unwrap_or("none").into(),
        ]);
    }
    table::text(&table)
}
