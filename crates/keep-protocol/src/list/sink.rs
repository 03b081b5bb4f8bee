//! Where parsed items go.

use keep_rules::BlockHash;

/// Takes the items of a list, in the order of the list.
///
/// What it took is only a list once [`ListParser::finish`](crate::list::ListParser::finish) has given it back.
///
/// # Examples
/// Straight into the records of a work list, without a copy in between:
/// ```
/// use keep_protocol::list::{Limits, Sink, TrashListParser, TrashRequest};
/// use keep_rules::BlockHash;
///
/// struct BlockWork { hash: BlockHash, data: TrashRequest }
/// #[derive(Default)]
/// struct Work(Vec<BlockWork>);
/// impl Sink<TrashRequest> for Work {
///     fn accept(&mut self, hash: BlockHash, data: TrashRequest) {
///         self.0.push(BlockWork { hash, data });
///     }
/// }
///
/// let mut parser = TrashListParser::with_sink(Limits::default(), Work::default());
/// parser.feed(b"[{}]")?;
/// assert_eq!(parser.finish()?.items.0.len(), 1);
/// # Ok::<(), keep_protocol::list::ListError>(())
/// ```
pub trait Sink<R> {
    /// Takes the next item.
    fn accept(&mut self, hash: BlockHash, request: R);
}

impl<R, F: FnMut(BlockHash, R)> Sink<R> for F {
    fn accept(&mut self, hash: BlockHash, request: R) {
        self(hash, request);
    }
}

impl<R> Sink<R> for Vec<(BlockHash, R)> {
    fn accept(&mut self, hash: BlockHash, request: R) {
        self.push((hash, request));
    }
}
