//! What was ordered about a whole list. A plain state machine.

use crate::bytes::{Fields, put_text};
use crate::receipt::Text;

/// What was ordered about a whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was. Who resumes the list asks the guard about it, as if it had just come.
    Open,
    /// It is held, and for what reason: no item is begun.
    Held(Text),
    /// It is held because its node was away for long, or may have been: a kind of its own, so that it is told from the
    /// others whatever the reason says.
    HeldAfterAbsence(Text),
    /// An operator let it through: the guard does not hold it again.
    Released,
    /// An operator ended it: what had not ended by then counts as removed. Final.
    Cancelled,
}

/// The list is cancelled, which is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Final;

impl Standing {
    /// The standing after an order to hold the list.
    pub(crate) fn held(&self, reason: Text) -> Result<Standing, Final> {
        self.ordered(Standing::Held(reason))
    }

    /// The standing after an order to hold the list because its node was away.
    pub(crate) fn held_after_absence(&self, reason: Text) -> Result<Standing, Final> {
        self.ordered(Standing::HeldAfterAbsence(reason))
    }

    /// The standing after an order to let the list through.
    pub(crate) fn released(&self) -> Result<Standing, Final> {
        self.ordered(Standing::Released)
    }

    fn ordered(&self, next: Standing) -> Result<Standing, Final> {
        match self {
            Standing::Open
            | Standing::Held(_)
            | Standing::HeldAfterAbsence(_)
            | Standing::Released => Ok(next),
            Standing::Cancelled => Err(Final),
        }
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        let (code, reason) = match self {
            Standing::Open => (0, None),
            Standing::Held(reason) => (1, Some(reason)),
            Standing::Released => (2, None),
            Standing::Cancelled => (3, None),
            Standing::HeldAfterAbsence(reason) => (4, Some(reason)),
        };
        bytes.push(code);
        put_text(bytes, reason.unwrap_or(&Text::default()));
    }

    pub(crate) fn get(fields: &mut Fields<'_>) -> Option<Standing> {
        match (fields.u8()?, fields.text()?) {
            (0, _none) => Some(Standing::Open),
            (1, reason) => Some(Standing::Held(reason)),
            (2, _none) => Some(Standing::Released),
            (3, _none) => Some(Standing::Cancelled),
            (4, reason) => Some(Standing::HeldAfterAbsence(reason)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Cancelled, Held, HeldAfterAbsence, Open, Released};
    use super::*;

    #[test]
    fn a_list_can_be_held_until_it_is_cancelled() {
        let why = || Text::from("names 30 % of a volume");
        for standing in [Open, Held(Text::from("other")), HeldAfterAbsence(why()), Released] {
            assert_eq!(standing.held(why()), Ok(Held(why())));
            assert_eq!(standing.held_after_absence(why()), Ok(HeldAfterAbsence(why())));
        }
        assert_eq!(Cancelled.held(why()), Err(Final));
        assert_eq!(Cancelled.held_after_absence(why()), Err(Final));
    }

    #[test]
    fn a_list_can_be_let_through_until_it_is_cancelled() {
        for standing in [Open, Held(Text::default()), HeldAfterAbsence(Text::default()), Released] {
            assert_eq!(standing.released(), Ok(Released));
        }
        assert_eq!(Cancelled.released(), Err(Final));
    }

    #[test]
    fn standings_come_back() {
        let why = || Text::from("why");
        for standing in [Open, Held(why()), HeldAfterAbsence(why()), Released, Cancelled] {
            let mut bytes = Vec::new();
            standing.put(&mut bytes);
            assert_eq!(Standing::get(&mut Fields(&bytes)), Some(standing));
        }
        assert_eq!(Standing::get(&mut Fields(&[5, 0, 0])), None);
    }
}
