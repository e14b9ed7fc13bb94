//! Which card of this machine takes the place of which card of the backup.

use lifeboat_layout::model::Card;

/// How a card was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It is the same card.
    Mac,
    /// It is in the same place.
    Place,
    /// It is the next in the order of places.
    Order,
}

/// A card of the backup, and the one that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// As it was backed up.
    pub old: Card,
    /// The one of this machine.
    pub new: Card,
    /// How it was found.
    pub by: By,
}

/// All cards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// What is decided.
    pub moves: Vec<Move>,
    /// Names of the interfaces for which there are too few cards.
    pub left: Vec<String>,
}

impl Moves {
    /// By address, by place, and the rest by the order of their places. Where fewer cards
    /// are left than interfaces nobody knows which of them is meant, and none is.
    #[must_use]
    pub fn decide(old: &[Card], new: &[Card]) -> Self {
        let mut found = Self::default();
        let (mut old, mut new) = (old.to_vec(), new.to_vec());
        found.pair(&mut old, &mut new, By::Mac, |old, new| {
            old.mac.is_some() && old.mac == new.mac
        });
        found.pair(&mut old, &mut new, By::Place, |old, new| {
            old.location == new.location
        });
        if old.len() > new.len() {
            found.left = old.into_iter().map(|card| card.name).collect();
        } else {
            // Both are in the order of their places.
            found.pair(&mut old, &mut new, By::Order, |_, _| true);
        }
        found
    }

    fn pair(
        &mut self,
        old: &mut Vec<Card>,
        new: &mut Vec<Card>,
        by: By,
        fits: impl Fn(&Card, &Card) -> bool,
    ) {
        old.retain(|card| {
            let Some(at) = new.iter().position(|new| fits(card, new)) else {
                return true;
            };
            self.moves.push(Move {
                old: card.clone(),
                new: new.remove(at),
                by,
            });
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(name: &str, mac: &str, location: &str) -> Card {
        Card {
            name: name.to_owned(),
            mac: Some(mac.to_owned()),
            location: location.to_owned(),
            ..Card::default()
        }
    }

    fn decided(old: &[Card], new: &[Card]) -> (Vec<String>, Vec<String>) {
        let moves = Moves::decide(old, new);
        let words = moves.moves.iter().map(|pair| {
            let mac = pair.new.mac.as_deref().unwrap();
            format!("{}={mac} {:?}", pair.old.name, pair.by)
        });
        (words.collect(), moves.left)
    }

    #[test]
    fn the_card_itself_then_its_place_then_the_order() {
        let old = [
            card("a", "m1", "p1"),
            card("b", "m2", "p2"),
            card("c", "m3", "p3"),
        ];
        assert_eq!(
            decided(
                &old,
                &[
                    card("eth0", "n1", "p2"),
                    card("eth1", "m1", "p8"),
                    card("eth2", "n2", "p9")
                ]
            ),
            (
                vec!["a=m1 Mac".into(), "b=n1 Place".into(), "c=n2 Order".into()],
                vec![]
            )
        );
    }

    #[test]
    fn more_cards_than_before_go_by_order_and_fewer_are_not_guessed() {
        let (one, two) = (card("a", "m1", "p1"), card("b", "m2", "p2"));
        let new = [card("eth0", "n1", "p8"), card("eth1", "n2", "p9")];
        let (moves, left) = decided(std::slice::from_ref(&one), &new);
        assert_eq!((moves, left.len()), (vec!["a=n1 Order".to_owned()], 0));
        let (moves, left) = decided(&[one, two], &new[..1]);
        assert_eq!((moves.len(), left), (0, vec!["a".into(), "b".into()]));
    }
}
