//! `donjon mounts`

use keep_protocol::mounts::MountDescription;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};
use crate::table;

/// Show the mounts of a node
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon mounts --data /srv/keep
  donjon mounts --url http://keep0:25107 --token-file /etc/keep.token --json")]
pub(crate) struct MountsArgs {
    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: MountsArgs) -> Result<Exit, Failure> {
    let mounts = args.node.connect()?.client.mounts().await.map_err(Failure::node("mounts"))?;
    print(args.format, &mounts, |mounts| drawn(mounts))?;
    Ok(Exit::Done)
}

fn drawn(mounts: &[MountDescription]) -> String {
    let mut table = table::table(["MOUNT", "WRITE", "TRASH", "REPLICATION", "CLASSES", "DEVICE"]);
    for mount in mounts {
        let classes: Vec<&str> = mount.storage_classes.keys().map(String::as_str).collect();
        table.add_row(vec![
            mount.uuid.as_str().into(),
            table::yes_or_no(mount.allow_write),
            table::yes_or_no(mount.allow_trash),
            table::number(mount.replication.into()),
            classes.join(", ").into(),
            mount.device_id.as_str().into(),
        ]);
    }
    table::text(&table)
}
