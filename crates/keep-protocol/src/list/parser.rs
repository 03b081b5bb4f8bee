//! The push parser: the grammar around the items, and the item that straddles frames.

use std::marker::PhantomData;
use std::sync::Arc;

use keep_rules::BlockHash;

use super::fields::Fields;
use super::names::Gathered;
use super::nesting::{Nesting, Walk};
use super::scan::is_space;
use super::{decode, usual};
use crate::list::{Limits, ListError, Names, Problem, PullRequest, Request, Sink, TrashRequest};

/// The parser of `PUT /trash` bodies.
pub type TrashListParser<S = Vec<(BlockHash, TrashRequest)>> = ListParser<TrashRequest, S>;

/// The parser of `PUT /pull` bodies.
pub type PullListParser<S = Vec<(BlockHash, PullRequest)>> = ListParser<PullRequest, S>;

/// Reads a list from the frames of a body; see [the module](crate::list) for what it accepts.
///
/// Memory: at most [`Limits::item_bytes`] of the body, the names, and what the sink keeps.
pub struct ListParser<R, S> {
    limits: Limits,
    place: Place,
    /// The beginning of an object whose end is in a later frame.
    carry: Vec<u8>,
    nesting: Nesting,
    /// Bytes of the frames before this one.
    before: u64,
    items: u64,
    names: Gathered,
    sink: S,
    failed: Option<ListError>,
    request: PhantomData<fn() -> R>,
}

/// A whole list.
#[derive(Clone, Debug)]
pub struct List<S> {
    /// Where the items went.
    pub items: S,
    /// How many there are.
    pub count: u64,
    /// The body's length in bytes.
    pub body_bytes: u64,
    /// The texts that the items refer to.
    pub names: Arc<Names>,
}

/// What the next byte has to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The array, or `null`.
    Start,
    /// The first item, or the array's end.
    First,
    /// An item.
    Item,
    /// The object in `carry`.
    Object,
    /// A comma, or the array's end.
    After,
    /// The rest of a `null`, from this letter on.
    Null { of: NullOf, letter: usize },
    /// White space.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NullOf {
    List,
    Item,
}

const NULL: &[u8] = b"null";

impl<R: Request> ListParser<R, Vec<(BlockHash, R)>> {
    /// A parser that has read nothing yet, and collects the items into a `Vec`.
    pub fn new(limits: Limits) -> Self {
        Self::with_sink(limits, Vec::new())
    }
}

impl<R: Request, S: Sink<R>> ListParser<R, S> {
    /// A parser that has read nothing yet, and hands the items to `sink`.
    pub fn with_sink(limits: Limits, sink: S) -> Self {
        ListParser {
            limits,
            place: Place::Start,
            carry: Vec::new(),
            nesting: Nesting::default(),
            before: 0,
            items: 0,
            names: Gathered::new(limits),
            sink,
            failed: None,
            request: PhantomData,
        }
    }

    /// Reads the next frame of the body. Frames may be cut anywhere.
    ///
    /// # Errors
    /// What is wrong with the list. It stays refused: every later call gives the same error.
    pub fn feed(&mut self, frame: &[u8]) -> Result<(), ListError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.read(frame).map_err(|error| self.failed.insert(error).clone())
    }

    /// Ends the body and gives the list out.
    ///
    /// # Errors
    /// What is wrong with the list: with its end, or what [`ListParser::feed`] said.
    pub fn finish(mut self) -> Result<List<S>, ListError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.place {
            Place::End => {}
            Place::Start => return Err(self.error(0, Problem::EmptyBody)),
            Place::Object => return Err(self.unfinished_object(Problem::Truncated)),
            Place::First | Place::Item | Place::After | Place::Null { .. } => {
                return Err(self.error(0, Problem::Truncated));
            }
        }
        self.carry = Vec::new();
        let names = Arc::new(self.names.finish());
        Ok(List { items: self.sink, count: self.items, body_bytes: self.before, names })
    }

    /// How many items have been read.
    pub fn items(&self) -> u64 {
        self.items
    }

    fn read(&mut self, frame: &[u8]) -> Result<(), ListError> {
        if self.limits.body_bytes - self.before < frame.len() as u64 {
            return Err(ListError {
                offset: self.limits.body_bytes,
                item: None,
                problem: Problem::BodyTooLong { max: self.limits.body_bytes },
            });
        }
        let mut at = 0;
        while let Some(&byte) = frame.get(at) {
            at += match (self.place, byte) {
                (Place::Object, _) => self.go_on(frame, at)?,
                (Place::Null { of, letter }, _) => self.null(of, letter, byte, at)?,
                (_, space) if is_space(space) => 1,
                (Place::First | Place::Item, b'{') => self.object(frame, at)?,
                (Place::After, b',') => self.to(Place::Item),
                (Place::First | Place::After, b']') => self.to(Place::End),
                (Place::First | Place::Item, b'n') => {
                    self.to(Place::Null { of: NullOf::Item, letter: 1 })
                }
                (Place::Start, b'[') => self.to(Place::First),
                (Place::Start, b'n') => self.to(Place::Null { of: NullOf::List, letter: 1 }),
                (Place::Start, _) => return Err(self.error(at, Problem::NotAnArray)),
                (Place::Item, b']') => {
                    return Err(self.error(at, Problem::Malformed("trailing comma".into())));
                }
                (Place::First | Place::Item, _) => return Err(self.error(at, Problem::NotAnObject)),
                (Place::After, _) => {
                    return Err(self.error(at, Problem::Malformed("expected `,` or `]`".into())));
                }
                (Place::End, _) => return Err(self.error(at, Problem::TextAfterList)),
            };
        }
        self.before += frame.len() as u64;
        Ok(())
    }

    /// Goes to the next place, by one byte.
    fn to(&mut self, place: Place) -> usize {
        self.place = place;
        1
    }

    fn null(&mut self, of: NullOf, letter: usize, byte: u8, at: usize) -> Result<usize, ListError> {
        if NULL[letter] != byte {
            return Err(self.error(at, Problem::Malformed("expected `null`".into())));
        }
        self.place = match of {
            _ if letter + 1 < NULL.len() => Place::Null { of, letter: letter + 1 },
            NullOf::List => Place::End,
            NullOf::Item => {
                let start = self.before + at as u64 - letter as u64;
                self.accept(&Fields::default()).map_err(|problem| self.error_at(start, problem))?;
                Place::After
            }
        };
        Ok(1)
    }

    /// Reads the object that begins at `at`, or what the frame has of it; gives the bytes read.
    fn object(&mut self, frame: &[u8], at: usize) -> Result<usize, ListError> {
        let rest = &frame[at..];
        if let Some((fields, len)) = usual::read(rest, R::SHAPE)
            && len <= self.limits.item_bytes
        {
            self.accept(&fields).map_err(|problem| self.error(at, problem))?;
            self.place = Place::After;
            return Ok(len);
        }
        self.nesting = Nesting::default();
        self.carry.clear();
        self.place = Place::Object;
        self.go_on(frame, at)
    }

    /// Goes on with the object in `carry`, up to its end or the frame's; gives the bytes read.
    fn go_on(&mut self, frame: &[u8], at: usize) -> Result<usize, ListError> {
        let rest = &frame[at..];
        let room = rest.len().min(self.limits.item_bytes - self.carry.len());
        let start = self.before + at as u64 - self.carry.len() as u64;
        match self.nesting.walk(&rest[..room]) {
            Walk::Ends(len) => {
                self.carry.extend_from_slice(&rest[..len]);
                self.complete(start)?;
                Ok(len)
            }
            Walk::TooDeep(len) => Err(self.error(at + len, Problem::TooDeep)),
            Walk::GoesOn => {
                self.carry.extend_from_slice(&rest[..room]);
                if room < rest.len() {
                    self.before += (at + room) as u64;
                    return Err(self
                        .unfinished_object(Problem::ItemTooLong { max: self.limits.item_bytes }));
                }
                Ok(room)
            }
        }
    }

    /// Takes the object in `carry`, which began at byte `start` of the body.
    fn complete(&mut self, start: u64) -> Result<(), ListError> {
        let object = std::mem::take(&mut self.carry);
        self.take_object(&object)
            .map_err(|(at, problem)| self.error_at(start + at as u64, problem))?;
        self.carry = object;
        self.place = Place::After;
        Ok(())
    }

    fn take_object(&mut self, object: &[u8]) -> Result<(), (usize, Problem)> {
        if let Some((fields, _)) = usual::read(object, R::SHAPE) {
            return self.accept(&fields).map_err(|problem| (0, problem));
        }
        let decoded = decode::read(object, R::SHAPE).map_err(|fault| (fault.at, fault.problem))?;
        self.accept(&decoded.fields()).map_err(|problem| (0, problem))
    }

    fn accept(&mut self, fields: &Fields<'_>) -> Result<(), Problem> {
        if self.items == 0
            && let Some(problem) = R::refuse_first(fields)
        {
            return Err(problem);
        }
        if self.items >= self.limits.items {
            return Err(Problem::TooManyItems { max: self.limits.items });
        }
        let (hash, request) = R::record(fields, &mut self.names)?;
        self.items += 1;
        self.sink.accept(hash, request);
        Ok(())
    }

    /// The first mistake in the object that `carry` begins with; `otherwise`, at its end, if there is none so far.
    /// `before` counts the bytes up to there.
    fn unfinished_object(&self, otherwise: Problem) -> ListError {
        match decode::first_mistake(&self.carry, R::SHAPE) {
            Some(fault) => self
                .error_at(self.before - self.carry.len() as u64 + fault.at as u64, fault.problem),
            None => self.error(0, otherwise),
        }
    }

    /// An error at byte `at` of the frame.
    fn error(&self, at: usize, problem: Problem) -> ListError {
        self.error_at(self.before + at as u64, problem)
    }

    fn error_at(&self, offset: u64, problem: Problem) -> ListError {
        let item = match self.place {
            Place::Start | Place::End | Place::Null { of: NullOf::List, .. } => None,
            Place::After => Some(self.items),
            Place::First | Place::Item | Place::Object | Place::Null { of: NullOf::Item, .. } => {
                Some(self.items + 1)
            }
        };
        ListError { offset, item, problem }
    }
}
