//! `PUT /trash` and `PUT /pull` (spec section 2.9): a list is parsed while it arrives, and counts only as a whole.

use block_work_list::BlockWork;
use http::StatusCode;
use keep_protocol::list::{Limits, ListError, ListParser, Request, Sink};
use keep_rules::BlockHash;

use super::WorkList;
use super::work::ListClosed;
use crate::http::{Answer, Failure, Incoming, Permit, empty};
use crate::node::Node;

/// The items of a list on its way in, as the work list will hold them.
struct Items<R>(Vec<BlockWork<BlockHash, R>>);

impl<R> Sink<R> for Items<R> {
    fn accept(&mut self, hash: BlockHash, data: R) {
        self.0.push(BlockWork { hash, data });
    }
}

/// Bytes of a refused list that are still read, so that its sender sees the answer.
const DRAINED_BYTES_MAX: u64 = 1 << 30;

/// Reads a list and makes it current.
///
/// # Errors
/// What is wrong with it. The old list stays then.
pub(crate) async fn put_list<R: Request + Send + Sync + 'static>(
    node: &Node,
    list: &WorkList<R>,
    mut body: Incoming,
    mut permit: Permit,
) -> Result<Answer, Failure> {
    let limits = Limits { items: node.limits.max_list_items.get() as u64, ..Limits::default() };
    let mut parser = ListParser::<R, _>::with_sink(limits, Items(Vec::new()));
    while let Some(data) = body.next(&mut permit).await? {
        if let Err(error) = parser.feed(&data) {
            body.drain(DRAINED_BYTES_MAX);
            return Err(error.into());
        }
    }
    let parsed = parser.finish()?;
    list.replace(parsed.items.0, parsed.names)?;
    Ok(empty(StatusCode::OK))
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Failure {
        Failure::new(
            StatusCode::BAD_REQUEST,
            format!("{error}; the list that was here before stays"),
        )
    }
}

impl From<ListClosed> for Failure {
    fn from(closed: ListClosed) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, closed.to_string())
    }
}
