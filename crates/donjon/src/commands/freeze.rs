//! `donjon freeze` and `donjon unfreeze`

use keep_protocol::status::{Freeze, FreezeRequest};
use keep_rules::Timestamp;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};
use crate::utc;

/// Stop trashing and emptying on all volumes of a node, at once. Needs the admin token
///
/// Lists are still received, and wait. The freeze outlasts restarts, until `donjon unfreeze`; `/readyz`, the status and
/// the metrics show it. Reading, writing and pulling go on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon freeze --data /srv/keep --reason \"looking into lost blocks, Ada\"
  donjon freeze --url http://keep0:25107 --token-file /etc/keep.token --json

With --json: {\"frozen\": …, \"since_ns\": …, \"reason\": …}. Exit status: 0 it is frozen, 1 an error")]
pub(crate) struct FreezeArgs {
    /// Why, for everybody who looks
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

/// Lift a freeze: trashing and emptying go on. Needs the admin token
///
/// The list that waits is then worked off. Look at it first: `donjon list show trash`; `donjon list cancel trash` drops it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon unfreeze --data /srv/keep

With --json: {\"frozen\": …, \"since_ns\": …, \"reason\": …}. Exit status: 0 it is not frozen, 1 an error")]
pub(crate) struct UnfreezeArgs {
    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn freeze(args: FreezeArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let frozen = client
        .freeze(&FreezeRequest { reason: args.reason })
        .await
        .map_err(Failure::node(format!("cannot freeze {}", client.base())))?;
    print(args.format, &frozen, text)?;
    Ok(Exit::Done)
}

pub(crate) async fn unfreeze(args: UnfreezeArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let frozen = client
        .unfreeze()
        .await
        .map_err(Failure::node(format!("cannot unfreeze {}", client.base())))?;
    print(args.format, &frozen, text)?;
    Ok(Exit::Done)
}

/// One line.
pub(crate) fn text(freeze: &Freeze) -> String {
    if !freeze.frozen {
        return "frozen: no".to_owned();
    }
    let mut text = "FROZEN: nothing is trashed or emptied".to_owned();
    if let Some(since) = freeze.since_ns {
        text.push_str(&format!(", since {}", utc::text(Timestamp::from_nanos(since))));
    }
    if let Some(reason) = freeze.reason.as_deref().filter(|reason| !reason.is_empty()) {
        text.push_str(&format!(": {reason}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_tells_since_when_and_why() {
        let freeze = Freeze {
            frozen: true,
            since_ns: Some(1_795_451_810_000_000_000),
            reason: Some("looking".to_owned()),
        };
        let expected = "FROZEN: nothing is trashed or emptied, since 2026-11-23 16:36:50Z: looking";
        assert_eq!(text(&freeze), expected);
        assert_eq!(text(&Freeze::default()), "frozen: no");
    }
}
