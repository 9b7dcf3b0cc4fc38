//! What cryptography leaves behind when it is done: bytes on the part of the stack that is no longer in use, and in the
//! registers of a thread that sleeps, which a core file has, too.

#![expect(unsafe_code, reason = "registers have no safe name")]

use std::hint::black_box;

/// How deep into the stack a cipher reaches, in bytes: more where nothing is inlined.
const SHALLOW: usize = if cfg!(debug_assertions) { 16 * 1024 } else { 4 * 1024 };

/// How deep TLS, JSON and the unwrapping of a key with a passphrase reach.
const DEEP: usize = 256 * 1024;

/// Overwrites the part of this thread's stack that is not in use, and the registers, as far as cryptography and JSON
/// reach: what they had there is dead, and would stay until something else is called as deeply. Takes some
/// microseconds: for after an unlocking, after a request to a service, and at a lock.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "reaching deep into the stack is what it is for")]
pub fn scrub_stack() {
    // An array that somebody may look at is written, whatever the optimiser thinks of it.
    black_box(&mut [0_u8; DEEP]);
    scrub_registers();
}

/// The same after one short cipher; takes less than a tenth of a microsecond.
#[inline(never)]
pub(super) fn scrub_cipher() {
    black_box(&mut [0_u8; SHALLOW]);
    scrub_registers();
}

/// Empties the registers that ciphers and copies work in; nobody's value is lost, since the compiler knows.
#[cfg(target_arch = "x86_64")]
fn scrub_registers() {
    use std::arch::{asm, is_x86_feature_detected};
    if is_x86_feature_detected!("avx") {
        // SAFETY: this processor has the instruction, which writes to registers alone, all of them named as changed.
        unsafe { asm!("vzeroall", clobber_abi("sysv64"), options(nomem, nostack, preserves_flags)) };
    } else {
        // SAFETY: every processor of this kind has the instructions; otherwise as above.
        unsafe {
            asm!(
                "xorps xmm0, xmm0",
                "xorps xmm1, xmm1",
                "xorps xmm2, xmm2",
                "xorps xmm3, xmm3",
                "xorps xmm4, xmm4",
                "xorps xmm5, xmm5",
                "xorps xmm6, xmm6",
                "xorps xmm7, xmm7",
                "xorps xmm8, xmm8",
                "xorps xmm9, xmm9",
                "xorps xmm10, xmm10",
                "xorps xmm11, xmm11",
                "xorps xmm12, xmm12",
                "xorps xmm13, xmm13",
                "xorps xmm14, xmm14",
                "xorps xmm15, xmm15",
                clobber_abi("sysv64"),
                options(nomem, nostack, preserves_flags),
            );
        }
    }
    if is_x86_feature_detected!("avx512f") {
        // Copies of memory work in the upper half.
        // SAFETY: as for vzeroall.
        unsafe {
            asm!(
                "vpxorq zmm16, zmm16, zmm16",
                "vpxorq zmm17, zmm17, zmm17",
                "vpxorq zmm18, zmm18, zmm18",
                "vpxorq zmm19, zmm19, zmm19",
                "vpxorq zmm20, zmm20, zmm20",
                "vpxorq zmm21, zmm21, zmm21",
                "vpxorq zmm22, zmm22, zmm22",
                "vpxorq zmm23, zmm23, zmm23",
                "vpxorq zmm24, zmm24, zmm24",
                "vpxorq zmm25, zmm25, zmm25",
                "vpxorq zmm26, zmm26, zmm26",
                "vpxorq zmm27, zmm27, zmm27",
                "vpxorq zmm28, zmm28, zmm28",
                "vpxorq zmm29, zmm29, zmm29",
                "vpxorq zmm30, zmm30, zmm30",
                "vpxorq zmm31, zmm31, zmm31",
                clobber_abi("sysv64"),
                options(nomem, nostack, preserves_flags),
            );
        }
    }
}

/// On other processors the cipher is compiled for the general registers, which are used again at once.
#[cfg(not(target_arch = "x86_64"))]
fn scrub_registers() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_as_it_is() {
        let numbers: Vec<f64> = (1..100).map(f64::from).collect();
        let sum = numbers.iter().fold(0.0, |sum, number| {
            scrub_cipher();
            sum + number
        });
        scrub_stack();
        assert!((sum - 4950.0_f64).abs() < f64::EPSILON, "{sum}");
    }
}
