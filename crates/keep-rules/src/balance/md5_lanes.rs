//! MD5 of several messages side by side, in plain arrays that the compiler turns into vector instructions.
//!
//! Only for ranks: a wrong one would move blocks, never lose one. `weight.rs` checks it against the MD5 crate, and
//! `docs/decisions/ranks.md` says what it is worth.
//!
//! Two things make it quick. All steps stand in one straight line inside a loop over lanes, which is the form that compilers
//! vectorise. And each turn of that loop works on two chains that do not wait for each other, because a step of MD5 needs the
//! result of the step before.

/// How many messages are hashed at once: two chains of the narrowest vectors.
pub(super) const LANES: usize = 8;
/// The lanes of one chain.
const CHAIN: usize = LANES / 2;

/// One word of each message.
pub(super) type Lanes = [u32; LANES];
/// The sixteen words that MD5 takes in at a time.
pub(super) type Words = [Lanes; 16];
/// The four words of MD5's state.
pub(super) type State = [Lanes; 4];

/// The state before the first block (RFC 1321, section 3.3).
pub(super) const START: State =
    [[0x6745_2301; LANES], [0xefcd_ab89; LANES], [0x98ba_dcfe; LANES], [0x1032_5476; LANES]];

/// The state of one message.
#[derive(Clone, Copy)]
struct Chain {
    a: u32,
    b: u32,
    c: u32,
    d: u32,
}

/// Steps of one round on both chains: the order of the state's words, the message's word, the turn and the sine.
macro_rules! round {
    (($one:ident, $other:ident, $words:ident, $lane:ident), $mix:ident, $([$a:ident $b:ident $c:ident $d:ident] $word:literal $turn:literal $sine:literal;)*) => {
        $(
            $one.$a = step($one.$a, $one.$b, $mix($one.$b, $one.$c, $one.$d), $words[$word][$lane], $sine, $turn);
            $other.$a = step($other.$a, $other.$b, $mix($other.$b, $other.$c, $other.$d), $words[$word][$lane + CHAIN], $sine, $turn);
        )*
    };
}

/// Takes in one block of every message (RFC 1321, section 3.4).
#[rustfmt::skip]
#[inline(never)] // the loop is vectorised by itself, and less well where it is inlined
pub(super) fn compress(before: &State, words: &Words) -> State {
    let mut after = *before;
    for lane in 0..CHAIN {
        let mut one = Chain::load(before, lane);
        let mut other = Chain::load(before, lane + CHAIN);
        round!((one, other, words, lane), choose,
            [a b c d]  0  7 0xd76a_a478; [d a b c]  1 12 0xe8c7_b756; [c d a b]  2 17 0x2420_70db; [b c d a]  3 22 0xc1bd_ceee;
            [a b c d]  4  7 0xf57c_0faf; [d a b c]  5 12 0x4787_c62a; [c d a b]  6 17 0xa830_4613; [b c d a]  7 22 0xfd46_9501;
            [a b c d]  8  7 0x6980_98d8; [d a b c]  9 12 0x8b44_f7af; [c d a b] 10 17 0xffff_5bb1; [b c d a] 11 22 0x895c_d7be;
            [a b c d] 12  7 0x6b90_1122; [d a b c] 13 12 0xfd98_7193; [c d a b] 14 17 0xa679_438e; [b c d a] 15 22 0x49b4_0821;
        );
        round!((one, other, words, lane), choose_back,
            [a b c d]  1  5 0xf61e_2562; [d a b c]  6  9 0xc040_b340; [c d a b] 11 14 0x265e_5a51; [b c d a]  0 20 0xe9b6_c7aa;
            [a b c d]  5  5 0xd62f_105d; [d a b c] 10  9 0x0244_1453; [c d a b] 15 14 0xd8a1_e681; [b c d a]  4 20 0xe7d3_fbc8;
            [a b c d]  9  5 0x21e1_cde6; [d a b c] 14  9 0xc337_07d6; [c d a b]  3 14 0xf4d5_0d87; [b c d a]  8 20 0x455a_14ed;
            [a b c d] 13  5 0xa9e3_e905; [d a b c]  2  9 0xfcef_a3f8; [c d a b]  7 14 0x676f_02d9; [b c d a] 12 20 0x8d2a_4c8a;
        );
        round!((one, other, words, lane), odd,
            [a b c d]  5  4 0xfffa_3942; [d a b c]  8 11 0x8771_f681; [c d a b] 11 16 0x6d9d_6122; [b c d a] 14 23 0xfde5_380c;
            [a b c d]  1  4 0xa4be_ea44; [d a b c]  4 11 0x4bde_cfa9; [c d a b]  7 16 0xf6bb_4b60; [b c d a] 10 23 0xbebf_bc70;
            [a b c d] 13  4 0x289b_7ec6; [d a b c]  0 11 0xeaa1_27fa; [c d a b]  3 16 0xd4ef_3085; [b c d a]  6 23 0x0488_1d05;
            [a b c d]  9  4 0xd9d4_d039; [d a b c] 12 11 0xe6db_99e5; [c d a b] 15 16 0x1fa2_7cf8; [b c d a]  2 23 0xc4ac_5665;
        );
        round!((one, other, words, lane), mask,
            [a b c d]  0  6 0xf429_2244; [d a b c]  7 10 0x432a_ff97; [c d a b] 14 15 0xab94_23a7; [b c d a]  5 21 0xfc93_a039;
            [a b c d] 12  6 0x655b_59c3; [d a b c]  3 10 0x8f0c_cc92; [c d a b] 10 15 0xffef_f47d; [b c d a]  1 21 0x8584_5dd1;
            [a b c d]  8  6 0x6fa8_7e4f; [d a b c] 15 10 0xfe2c_e6e0; [c d a b]  6 15 0xa301_4314; [b c d a] 13 21 0x4e08_11a1;
            [a b c d]  4  6 0xf753_7e82; [d a b c] 11 10 0xbd3a_f235; [c d a b]  2 15 0x2ad7_d2bb; [b c d a]  9 21 0xeb86_d391;
        );
        one.add_to(&mut after, lane);
        other.add_to(&mut after, lane + CHAIN);
    }
    after
}

impl Chain {
    #[inline(always)]
    fn load(state: &State, lane: usize) -> Self {
        Chain { a: state[0][lane], b: state[1][lane], c: state[2][lane], d: state[3][lane] }
    }

    #[inline(always)]
    fn add_to(self, state: &mut State, lane: usize) {
        state[0][lane] = state[0][lane].wrapping_add(self.a);
        state[1][lane] = state[1][lane].wrapping_add(self.b);
        state[2][lane] = state[2][lane].wrapping_add(self.c);
        state[3][lane] = state[3][lane].wrapping_add(self.d);
    }
}

#[inline(always)]
const fn step(a: u32, b: u32, mixed: u32, word: u32, sine: u32, turn: u32) -> u32 {
    b.wrapping_add(a.wrapping_add(mixed).wrapping_add(word).wrapping_add(sine).rotate_left(turn))
}

/// `F`: where `b` has a bit that of `c`, else that of `d`.
#[inline(always)]
const fn choose(b: u32, c: u32, d: u32) -> u32 {
    d ^ (b & (c ^ d))
}

/// `G`: where `d` has a bit that of `b`, else that of `c`.
#[inline(always)]
const fn choose_back(b: u32, c: u32, d: u32) -> u32 {
    c ^ (d & (b ^ c))
}

/// `H`.
#[inline(always)]
const fn odd(b: u32, c: u32, d: u32) -> u32 {
    b ^ c ^ d
}

/// `I`.
#[inline(always)]
const fn mask(b: u32, c: u32, d: u32) -> u32 {
    c ^ (b | !d)
}

/// The digest of each message, as a number that compares as its bytes do.
pub(super) fn digests(state: &State) -> [u128; LANES] {
    std::array::from_fn(|lane| {
        state.iter().fold(0, |digest, word| digest << 32 | u128::from(word[lane].swap_bytes()))
    })
}
