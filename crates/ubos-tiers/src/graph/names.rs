//! Names that are one whatever their case: tags, and names that no file has.

use std::collections::HashMap;

use super::note::key;

/// Names with numbers: in the order in which they first stand in the vault, each as it is written there.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    written: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The number of a name, which is a new one if the name is.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.written.len()).expect("fewer than 4 billion names");
        *self.numbers.entry(key(name)).or_insert_with(|| {
            self.written.push(name.to_owned());
            next
        })
    }

    /// The number of a name that is there.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(&key(name)).copied()
    }

    /// A name as it is first written.
    pub(super) fn written(&self, number: u32) -> &str {
        &self.written[number as usize]
    }

    /// All names by number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..).zip(self.written.iter().map(String::as_str))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// All names as they are compared, with their numbers, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, u32)> {
        self.numbers.iter().map(|(key, number)| (key.as_str(), *number))
    }

    /// Numbers the names anew; one that the order leaves out is forgotten.
    pub(super) fn reorder(&mut self, order: Order<'_>) {
        let written = order.firsts.into_iter().map(|(old, name)| {
            let mut kept = std::mem::take(&mut self.written[old as usize]);
            if kept != name {
                name.clone_into(&mut kept);
            }
            kept
        });
        self.written = written.collect();
        self.numbers.retain(|_, number| {
            *number = order.new[*number as usize];
            *number != NONE
        });
    }
}

/// Stands for no number.
const NONE: u32 = u32::MAX;

/// The order in which names are met when the vault is gone through from its beginning.
pub(super) struct Order<'a> {
    new: Vec<u32>,
    firsts: Vec<(u32, &'a str)>,
}

impl<'a> Order<'a> {
    /// Of so many names none was met yet.
    pub(super) fn of(names: &Names) -> Self {
        Self { new: vec![NONE; names.len()], firsts: Vec::new() }
    }

    /// The new number of a name that is met now, and how it is written here.
    #[inline]
    pub(super) fn meet(&mut self, old: u32, written: impl FnOnce() -> &'a str) -> u32 {
        let new = &mut self.new[old as usize];
        if *new == NONE {
            *new = self.firsts.len() as u32;
            self.firsts.push((old, written()));
        }
        *new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_in_any_case_and_written_as_they_are_met_first() {
        let mut names = Names::default();
        let numbers: Vec<u32> =
            ["b", "A", "B", "c"].into_iter().map(|name| names.number(name)).collect();
        assert_eq!(numbers, [0, 1, 0, 2]);
        let mut order = Order::of(&names);
        let met: Vec<u32> = [(2, "C"), (0, "B"), (2, "c")]
            .into_iter()
            .map(|(old, written)| order.meet(old, || written))
            .collect();
        assert_eq!(met, [0, 1, 0]);
        names.reorder(order);
        assert_eq!(names.all().collect::<Vec<_>>(), [(0, "C"), (1, "B")]);
        assert_eq!((names.find("c"), names.find("b"), names.find("a")), (Some(0), Some(1), None));
    }
}
