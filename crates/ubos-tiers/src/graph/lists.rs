//! Lists of edges by what they begin at or lead to: all of them in one piece, made in two passes, so that
//! making them again costs less than keeping them up to date.

/// For each of a row of owners the numbers of its edges, rising.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    /// Where the list of each owner begins, and where the last one ends.
    starts: Vec<u32>,
    numbers: Vec<u32>,
}

impl Lists {
    /// The lists of so many owners, given the owner of each edge.
    pub(super) fn of(owners: usize, owner: impl ExactSizeIterator<Item = usize> + Clone) -> Self {
        let mut starts = vec![0u32; owners + 1];
        let mut numbers = vec![0u32; owner.len()];
        for owner in owner.clone() {
            starts[owner + 1] += 1;
        }
        for at in 0..owners {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        for (number, owner) in (0..).zip(owner) {
            numbers[next[owner] as usize] = number;
            next[owner] += 1;
        }
        Self { starts, numbers }
    }

    /// The edges of one owner; none of one that there is not.
    pub(super) fn get(&self, owner: usize) -> &[u32] {
        match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(from), Some(to)) => &self.numbers[*from as usize..*to as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_its_edges_in_their_order() {
        let lists = Lists::of(4, [2, 0, 2, 3, 2].into_iter());
        let all: Vec<&[u32]> = (0..5).map(|owner| lists.get(owner)).collect();
        assert_eq!(all, [&[1][..], &[], &[0, 2, 4], &[3], &[]]);
        assert!(Lists::default().get(0).is_empty());
    }
}
