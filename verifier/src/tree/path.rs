//! Inclusion and consistency proofs as the log's own tools make and read them: RFC 9162 2.1.3.2 and 2.1.4.2.

use super::{ProofError, Subtree, gap_subtrees};
use crate::hash::{Hash, empty_root, node};

/// How many hashes an inclusion proof has: one per level below the root at which the leaf has a sibling.
fn inclusion_length(index: u64, size: u64) -> usize {
    let inner = 64 - (index ^ (size - 1)).leading_zeros();
    (inner + (index >> inner).count_ones()) as usize
}

/// Checks that `leaf` is number `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`]: outside the tree, wrong number of hashes, or another root.
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutsideTree { index, size });
    }
    let (got, want) = (proof.len(), inclusion_length(index, size));
    if got != want {
        return Err(ProofError::WrongLength { got, want });
    }
    let (mut at, mut last, mut found) = (index, size - 1, leaf);
    for &sibling in proof {
        while at & 1 == 0 && at == last {
            // No sibling at this level: the right edge is carried up as it is.
            (at, last) = (at >> 1, last >> 1);
        }
        found = if at & 1 == 1 { node(sibling, found) } else { node(found, sibling) };
        (at, last) = (at >> 1, last >> 1);
    }
    if found == root { Ok(()) } else { Err(ProofError::WrongRoot { found, wanted: root }) }
}

/// Checks that the tree of `from` leaves with root `old` is a prefix of the tree of `to` leaves with root `new`.
///
/// # Errors
/// [`ProofError`]: impossible sizes, wrong number of hashes, or a root that does not follow.
pub fn check_consistency(from: u64, old: Hash, to: u64, new: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if from == 0 || from > to {
        return Err(ProofError::WrongSizes { from, to });
    }
    if from == to {
        let nothing =
            if proof.is_empty() { Ok(()) } else { Err(ProofError::WrongLength { got: proof.len(), want: 0 }) };
        return nothing.and_then(|()| same(old, new));
    }
    // A complete old tree is itself the first hash, and is not sent.
    let own = from.is_power_of_two().then_some(old);
    let shift = (from - 1).trailing_ones();
    let (mut at, mut last) = ((from - 1) >> shift, (to - 1) >> shift);
    let want = inclusion_length(at, last + 1) + usize::from(own.is_none());
    if proof.len() != want {
        return Err(ProofError::WrongLength { got: proof.len(), want });
    }
    let mut hashes = own.into_iter().chain(proof.iter().copied());
    let first = hashes.next().unwrap_or(old);
    let (mut to_old, mut to_new) = (first, first);
    for sibling in hashes {
        while at & 1 == 0 && at == last {
            (at, last) = (at >> 1, last >> 1);
        }
        if at & 1 == 1 {
            (to_old, to_new) = (node(sibling, to_old), node(sibling, to_new));
        } else {
            to_new = node(to_new, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    same(to_old, old)?;
    same(to_new, new)
}

/// SUBPROOF of RFC 6962 2.1.2: what shows that the first `from` leaves are a beginning of the first `to`. `hash` gives the
/// root of a complete subtree; it is asked for none that reaches beyond `to`.
///
/// # Errors
/// What `hash` says.
pub fn consistency_proof<E>(
    from: u64,
    to: u64,
    hash: &mut dyn FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut first, mut last, mut is_whole) = (0, to, true);
    let mut proof = Vec::new();
    while from > 0 && from < last {
        let split = first + (last - first).next_power_of_two() / 2;
        if from <= split {
            proof.push(root_of_range(split, last, hash)?);
            last = split;
        } else {
            proof.push(root_of_range(first, split, hash)?);
            (first, is_whole) = (split, false);
        }
    }
    if !is_whole {
        proof.push(root_of_range(first, last, hash)?);
    }
    proof.reverse();
    Ok(proof)
}

fn root_of_range<E>(from: u64, to: u64, hash: &mut dyn FnMut(Subtree) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut roots = gap_subtrees(from, to).map(hash).collect::<Result<Vec<_>, E>>()?.into_iter().rev();
    let last = roots.next().unwrap_or_else(empty_root);
    Ok(roots.fold(last, |right, left| node(left, right)))
}

fn same(found: Hash, wanted: Hash) -> Result<(), ProofError> {
    if found == wanted { Ok(()) } else { Err(ProofError::WrongRoot { found, wanted }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::log_leaf;
    use crate::tree::root_of;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|index| log_leaf(&index.to_be_bytes())).collect()
    }

    /// PATH(m, D[n]) of RFC 6962 2.1.1, by its definition.
    fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (mut below, sibling) =
            if index < split { (path(index, left), right) } else { (path(index - split, right), left) };
        below.push(root_of(sibling.iter().copied()));
        below
    }

    /// SUBPROOF(m, D[n], b) of RFC 6962 2.1.2, by its definition.
    fn subproof(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if from == leaves.len() {
            return if whole { Vec::new() } else { vec![root_of(leaves.iter().copied())] };
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (mut below, sibling) = if from <= split {
            (subproof(from, left, whole), right)
        } else {
            (subproof(from - split, right, false), left)
        };
        below.push(root_of(sibling.iter().copied()));
        below
    }

    #[test]
    fn every_inclusion_proof_of_the_definition_holds_and_no_other() {
        for size in 1..80u64 {
            let all = leaves(size);
            let root = root_of(all.iter().copied());
            for index in 0..size {
                let proof = path(index as usize, &all);
                assert_eq!(check_inclusion(all[index as usize], index, size, &proof, root), Ok(()));
                let mut longer = proof.clone();
                longer.push(root);
                let (got, want) = (longer.len(), proof.len());
                let refused = check_inclusion(all[index as usize], index, size, &longer, root);
                assert_eq!(refused, Err(ProofError::WrongLength { got, want }));
                let outside = check_inclusion(all[index as usize], size, size, &proof, root);
                assert_eq!(outside, Err(ProofError::OutsideTree { index: size, size }));
            }
        }
    }

    #[test]
    fn every_consistency_proof_of_the_definition_holds_and_no_other() {
        for to in 1..70u64 {
            let all = leaves(to);
            let new = root_of(all.iter().copied());
            for from in 1..=to {
                let old = root_of(all[..from as usize].iter().copied());
                let proof = subproof(from as usize, &all, true);
                let mut of = |subtree: Subtree| {
                    let width = 1 << subtree.level;
                    Ok::<_, ()>(root_of(all[subtree.index as usize * width..][..width].iter().copied()))
                };
                assert_eq!(consistency_proof(from, to, &mut of), Ok(proof.clone()), "{from} to {to}");
                assert_eq!(check_consistency(from, old, to, new, &proof), Ok(()), "{from} to {to}");
                let mut longer = proof.clone();
                longer.push(new);
                let refused = check_consistency(from, old, to, new, &longer);
                assert_eq!(refused, Err(ProofError::WrongLength { got: longer.len(), want: proof.len() }));
                let refused = check_consistency(from, Hash::ZERO, to, new, &proof);
                assert!(matches!(refused, Err(ProofError::WrongRoot { .. })), "{from} to {to}: {refused:?}");
            }
        }
    }

    #[test]
    fn refuses_consistency_from_nothing_and_backwards() {
        let root = root_of(leaves(2));
        assert_eq!(check_consistency(0, root, 2, root, &[]), Err(ProofError::WrongSizes { from: 0, to: 2 }));
        assert_eq!(check_consistency(3, root, 2, root, &[]), Err(ProofError::WrongSizes { from: 3, to: 2 }));
    }
}
