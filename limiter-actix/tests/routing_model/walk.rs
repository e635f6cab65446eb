//! Where a path may lead, as far as a limiter can know before routing.

use crate::{description::Request, sites::Sites};

/// Where a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At the place with this number.
    At(usize),
    /// At a default service, with this scope as the innermost around it.
    Unmatched(Option<usize>),
}

/// The certainty a limiter can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// Another place matches as well.
    Open,
    /// Only this place matches, but it has a guard: one request that it does not let in puts it in doubt.
    WhileFresh,
    Sure,
}

/// Where a path may lead.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) ends: Vec<End>,
    /// Places whose pattern matches but of which the limiter knows that they do not take the request.
    pub(crate) closed: Vec<End>,
    /// Places that nothing but guards keeps it from, from the outermost on: nothing else matches there, or nothing else in
    /// their scope.
    pub(crate) only: Vec<usize>,
    /// Where it leads if nothing but known guards refuses it.
    pub(crate) expected: End,
    pub(crate) certainty: Certainty,
}

impl Ways {
    /// The one way to a place.
    fn to(number: usize) -> Self {
        let expected = End::At(number);
        let certainty = Certainty::Sure;
        Self { ends: vec![expected], closed: Vec::new(), only: Vec::new(), expected, certainty }
    }
}

impl Sites<'_> {
    /// All ways of a path; guards that a limiter cannot know of may let it in or not.
    pub(crate) fn ways(&self, path: &str, request: &Request) -> Ways {
        self.ways_in(None, path, request)
    }

    fn ways_in(&self, scope: Option<usize>, rest: &str, request: &Request) -> Ways {
        let mut entered = Vec::new();
        let (mut ends, mut closed) = (Vec::new(), Vec::new());
        let mut is_closed = false;
        for number in self.inside(scope) {
            let site = &self.all[number];
            let Some(taken) = site.takes(rest) else { continue };
            let known = site.known_to_admit(request);
            if known == Some(false) {
                closed.push(End::At(number));
                continue;
            }
            let ways = if site.is_scope {
                self.ways_in(Some(number), &rest[taken..], request)
            } else {
                Ways::to(number)
            };
            ends.extend(&ways.ends);
            closed.extend(&ways.closed);
            entered.push((number, ways));
            if known == Some(true) {
                is_closed = true;
                break;
            }
        }
        if !is_closed {
            ends.push(End::Unmatched(scope));
        }
        let (expected, certainty, only) = match entered.as_slice() {
            [] => (End::Unmatched(scope), Certainty::Sure, Vec::new()),
            [(number, ways)] => {
                let only = [&[*number], ways.only.as_slice()].concat();
                (ways.expected, self.certainty_of(*number, ways), only)
            }
            [(_, ways), ..] => {
                let only = entered.iter().flat_map(|(_, ways)| ways.only.iter().copied());
                (ways.expected, Certainty::Open, only.collect())
            }
        };
        Ways { ends, closed, only, expected, certainty }
    }

    /// Returns the certainty that the only place whose pattern matches is entered.
    fn certainty_of(&self, number: usize, ways: &Ways) -> Certainty {
        let chain = self.chain(ways.expected);
        let inwards = chain.iter().skip_while(|site| **site != number);
        let has_rule = |site: &usize| {
            self.all[*site].rule.is_some() || self.app.given.iter().any(|given| self.is_given(given, *site))
        };
        let has_rules = inwards.into_iter().any(has_rule);
        if self.all[number].is_guarded() && has_rules {
            ways.certainty.min(Certainty::WhileFresh)
        } else {
            ways.certainty
        }
    }

    /// The places around an end, the outermost first, and the place itself.
    pub(crate) fn chain(&self, end: End) -> Vec<usize> {
        match end {
            End::At(number) | End::Unmatched(Some(number)) => {
                let mut chain = self.all[number].around.clone();
                chain.push(number);
                chain
            }
            End::Unmatched(None) => Vec::new(),
        }
    }

    /// The pattern under which an end is counted.
    pub(crate) fn route(&self, end: End) -> Option<String> {
        match end {
            End::At(number) => Some(self.all[number].patterns[0].clone()),
            End::Unmatched(_) => None,
        }
    }
}
