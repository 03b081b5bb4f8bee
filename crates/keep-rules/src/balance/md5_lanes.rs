//! MD5 of several messages side by side, in plain arrays that the compiler turns into vector instructions.
//!
//! Only for ranks: a wrong one would move blocks, never lose one. `weight.rs` checks it against the MD5 crate.

/// How many messages are hashed at once. Eight fill two of the narrowest vectors, which hides how long each step takes.
pub(super) const LANES: usize = 8;

/// One word of each message.
pub(super) type Lanes = [u32; LANES];
/// The sixteen words that MD5 takes in at a time.
pub(super) type Words = [Lanes; 16];
/// The four words of MD5's state.
pub(super) type State = [Lanes; 4];

/// The state before the first block (RFC 1321, section 3.3).
pub(super) const START: State =
    [[0x6745_2301; LANES], [0xefcd_ab89; LANES], [0x98ba_dcfe; LANES], [0x1032_5476; LANES]];

/// The constants of the 64 steps: `floor(2^32 · |sin(i + 1)|)` (RFC 1321, section 3.4).
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// Takes in one block of every message.
pub(super) fn compress(before: State, words: &Words) -> State {
    let mut state = before;
    for step in (0..16).step_by(4) {
        four_steps(
            &mut state,
            words,
            step,
            |step| step,
            [7, 12, 17, 22],
            |b, c, d| d ^ (b & (c ^ d)),
        );
    }
    for step in (16..32).step_by(4) {
        four_steps(
            &mut state,
            words,
            step,
            |step| 5 * step + 1,
            [5, 9, 14, 20],
            |b, c, d| c ^ (d & (b ^ c)),
        );
    }
    for step in (32..48).step_by(4) {
        four_steps(
            &mut state,
            words,
            step,
            |step| 3 * step + 5,
            [4, 11, 16, 23],
            |b, c, d| b ^ c ^ d,
        );
    }
    for step in (48..64).step_by(4) {
        four_steps(
            &mut state,
            words,
            step,
            |step| 7 * step,
            [6, 10, 15, 21],
            |b, c, d| c ^ (b | !d),
        );
    }
    for (after, before) in state.iter_mut().flatten().zip(before.iter().flatten()) {
        *after = after.wrapping_add(*before);
    }
    state
}

/// Four steps, after which every word of the state is back in its place.
#[inline(always)]
fn four_steps(
    [a, b, c, d]: &mut State,
    words: &Words,
    step: usize,
    word: impl Fn(usize) -> usize,
    turns: [u32; 4],
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let word = |step| &words[word(step) % 16];
    one_step(a, b, c, d, word(step), SINES[step], turns[0], &mix);
    one_step(d, a, b, c, word(step + 1), SINES[step + 1], turns[1], &mix);
    one_step(c, d, a, b, word(step + 2), SINES[step + 2], turns[2], &mix);
    one_step(b, c, d, a, word(step + 3), SINES[step + 3], turns[3], &mix);
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the step of RFC 1321, in its order")]
fn one_step(
    a: &mut Lanes,
    b: &Lanes,
    c: &Lanes,
    d: &Lanes,
    word: &Lanes,
    sine: u32,
    turn: u32,
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    for lane in 0..LANES {
        let sum = a[lane]
            .wrapping_add(mix(b[lane], c[lane], d[lane]))
            .wrapping_add(word[lane])
            .wrapping_add(sine);
        a[lane] = b[lane].wrapping_add(sum.rotate_left(turn));
    }
}

/// The digest of each message, as a number that compares as its bytes do.
pub(super) fn digests(state: &State) -> [u128; LANES] {
    std::array::from_fn(|lane| {
        state.iter().fold(0, |digest, word| digest << 32 | u128::from(word[lane].swap_bytes()))
    })
}
