//! What cryptography leaves behind when it is done: bytes on the part of the stack that is no longer in use, and in the
//! registers of a thread that sleeps, which a core file has, too.

#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "registers have no safe name"))]

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
    if is_x86_feature_detected!("avx512vl") {
        // Copies of memory work in the upper half. Writing the low end of a register clears the rest of it.
        // SAFETY: as for vzeroall.
        unsafe {
            asm!(
                "vpxorq xmm16, xmm16, xmm16",
                "vpxorq xmm17, xmm17, xmm17",
                "vpxorq xmm18, xmm18, xmm18",
                "vpxorq xmm19, xmm19, xmm19",
                "vpxorq xmm20, xmm20, xmm20",
                "vpxorq xmm21, xmm21, xmm21",
                "vpxorq xmm22, xmm22, xmm22",
                "vpxorq xmm23, xmm23, xmm23",
                "vpxorq xmm24, xmm24, xmm24",
                "vpxorq xmm25, xmm25, xmm25",
                "vpxorq xmm26, xmm26, xmm26",
                "vpxorq xmm27, xmm27, xmm27",
                "vpxorq xmm28, xmm28, xmm28",
                "vpxorq xmm29, xmm29, xmm29",
                "vpxorq xmm30, xmm30, xmm30",
                "vpxorq xmm31, xmm31, xmm31",
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
