//! Random bytes of the operating system for a library that asks for a generator which cannot fail.

use crate::entropy::{EntropyError, random_bytes};
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// Random bytes that were drawn beforehand, so that drawing cannot fail half-way.
pub(super) struct Drawn {
    bytes: Zeroizing<Vec<u8>>,
    at: usize,
    is_spent: bool,
}

impl Drawn {
    /// Draws so many.
    pub(super) fn new(count: usize) -> Result<Self, EntropyError> {
        Ok(Self { bytes: random_bytes(count)?, at: 0, is_spent: false })
    }

    /// Whether more was asked for than there was: what was made then is not random.
    pub(super) fn is_spent(&self) -> bool {
        self.is_spent
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        self.fill(&mut taken);
        taken
    }

    fn fill(&mut self, to: &mut [u8]) {
        match self.bytes.get(self.at..self.at + to.len()) {
            Some(bytes) => to.copy_from_slice(bytes),
            None => self.is_spent = true,
        }
        self.at += to.len();
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.fill(to);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
