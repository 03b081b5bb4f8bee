//! `donjon list pause`, `resume` and `cancel`

use keep_protocol::paths::ListAction;
use keep_protocol::status::ListName;

use super::WhichList;
use super::drawn::books_table;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};

/// Begin nothing more of a list, until it is resumed. Needs the admin token
///
/// What a worker has is finished. The pause lasts over new lists and restarts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list pause trash --data /srv/keep
  donjon list pause pull --url http://keep0:25107 --token-file /etc/keep.token --json

With --json: the books of the list. Exit status: 0 it is paused, 1 an error")]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    of: ActArgs,
}

/// Go on with a list that was paused. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list resume trash --data /srv/keep

What the guard holds needs `donjon list release`, and what is frozen `donjon unfreeze`.
With --json: the books of the list. Exit status: 0 it is not paused any more, 1 an error")]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    of: ActArgs,
}

/// Take everything that waits off a list. Needs the admin token
///
/// What a worker has is finished. The items are counted as removed; the balancer will name them again if it still wants.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list cancel trash --data /srv/keep

With --json: the books of the list. Exit status: 0 nothing waits any more, 1 an error")]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    of: ActArgs,
}

#[derive(Debug, clap::Args)]
struct ActArgs {
    #[arg(value_enum)]
    list: WhichList,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn pause(args: PauseArgs) -> Result<Exit, Failure> {
    act(args.of, ListAction::Pause).await
}

pub(super) async fn resume(args: ResumeArgs) -> Result<Exit, Failure> {
    act(args.of, ListAction::Resume).await
}

pub(super) async fn cancel(args: CancelArgs) -> Result<Exit, Failure> {
    act(args.of, ListAction::Cancel).await
}

async fn act(args: ActArgs, action: ListAction) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let status = client
        .act_on_list(list, action)
        .await
        .map_err(Failure::node(format!("cannot {} the {list} list", action.as_str())))?;
    print(args.format, &status, |status| books_table(std::slice::from_ref(status)))?;
    Ok(Exit::Done)
}
