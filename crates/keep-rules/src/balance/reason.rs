//! Why a replica stays or goes, and why a copy is made: one sentence each, for whoever asks.

use std::fmt;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident, $label:literal, $sentence:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every reason, in the order in which they are looked for.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// A label for files, metrics and scripts.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $label,)*
                }
            }

            /// What it means.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $($name::$variant => $sentence,)*
                }
            }

            /// Its place in [`Self::ALL`].
            pub const fn place(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why a replica stays.
    KeepReason {
        /// It is at one of the best places for the block.
        WantedHere, "wanted_here", "The block is wanted, and this is one of the best places for it.";
        /// The mount does not allow trashing.
        CannotBeTrashed, "cannot_be_trashed", "The mount does not allow trashing.";
        /// It is one of the copies that count until the pulls are done.
        ProtectsUntilPulled, "protects_until_pulled",
            "There are better places, but until the pulls to them are done this is one of the copies that count.";
        /// Without it a class would be short (D3).
        NeededInClass, "needed_in_class", "Without it a storage class would have fewer copies than wanted.";
        /// Its mtime is that of a copy that is needed.
        SharesMtime, "shares_mtime",
            "Its mtime is that of a copy that is needed, so it may be the same bytes seen through another path.";
        /// The block has too few copies in some class.
        BlockShort, "block_short", "The block has fewer copies than wanted in some storage class, so nothing of it is trashed.";
        /// It is not older than the signature TTL.
        TooNew, "too_new", "It is not needed, but too new: a signature may still be valid.";
        /// Its mtime is not certain.
        MtimeUncertain, "mtime_uncertain", "Its device lists the block with more than one mtime, so it is not clear what would be trashed.";
        /// There are replicas of another size.
        SizesDiffer, "sizes_differ", "There are replicas of the block with another size, so nothing of it is trashed until somebody has looked.";
        /// Another entry of this round has the same mtime.
        OneForEachMtime, "one_for_each_mtime",
            "It is not needed, but another replica with the same mtime is trashed in this round, and both may be the same bytes.";
    }
}

reasons! {
    /// Why a replica is trashed.
    TrashReason {
        /// No collection names the block.
        Unreferenced, "unreferenced", "No collection names the block, and it is older than any valid signature.";
        /// Collections name the block, but want no copies.
        NoCopiesWanted, "no_copies_wanted", "Collections name the block, but all of them want 0 copies.";
        /// There are enough copies at better places.
        Excess, "excess", "There are enough copies at better places.";
    }
}

reasons! {
    /// Why a copy is made.
    PullReason {
        /// There are too few copies.
        TooFewCopies, "too_few_copies", "The block has fewer copies than wanted.";
        /// There are enough copies, but too few in a class.
        TooFewInClass, "too_few_in_class", "The block has enough copies, but too few of them in a storage class where they are wanted.";
        /// There are enough copies, but this is a better place.
        BetterPlace, "better_place", "The block has enough copies, but clients look for it here first.";
    }
}

impl KeepReason {
    /// Whether the replica is wanted; the others only wait for a later round (spec section 3.4: needed, or unneeded).
    pub const fn is_needed(self) -> bool {
        match self {
            KeepReason::WantedHere
            | KeepReason::CannotBeTrashed
            | KeepReason::ProtectsUntilPulled
            | KeepReason::NeededInClass
            | KeepReason::SharesMtime
            | KeepReason::BlockShort => true,
            KeepReason::TooNew
            | KeepReason::MtimeUncertain
            | KeepReason::SizesDiffer
            | KeepReason::OneForEachMtime => false,
        }
    }
}
