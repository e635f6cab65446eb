//! Apps and requests as data. `{:?}` prints them as Rust, so that a case that was found can be kept as a test.

/// An app and the requests it gets, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) app: App,
    /// Leaves out requests of which the limiter may not know in advance where they go.
    pub(crate) certain_only: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    pub(crate) limiter: Settings,
    /// Rules given to the limiter by pattern.
    pub(crate) given: Vec<PatternRule>,
    /// Middleware outside of the limiter.
    pub(crate) outside: Option<Rewrite>,
    /// Middleware inside of the limiter.
    pub(crate) inside: Option<Rewrite>,
    /// True if middleware inside of the limiter lets others go first.
    pub(crate) defers: bool,
    /// True if middleware inside of the limiter answers requests that are to be denied.
    pub(crate) denies: bool,
    /// True if the app has a default service of its own.
    pub(crate) default: bool,
    pub(crate) places: Vec<Place>,
}

/// The settings of a limiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) application: Option<u64>,
    pub(crate) defaults: Option<u64>,
    pub(crate) per_method: bool,
    pub(crate) not_on_unmatched: bool,
    /// A filter that skips nothing. With one, no request goes the straight way, so that both ways have one model.
    pub(crate) has_filter: bool,
}

/// Middleware that changes paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rewrite {
    Trim,
    MergeOnly,
    Always,
    /// Takes `/v` off the front.
    TakeOff,
}

/// Something registered in an app or a scope.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    In(Scope),
    At(Resource),
    /// `route(..)` of an app or a scope.
    By(Route),
    /// One of the handlers with a route attribute.
    Fn(usize),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) prefix: &'static str,
    pub(crate) guard: Option<Guard>,
    /// True if rule and limiter are put on it before the places.
    pub(crate) early: bool,
    pub(crate) rule: Option<Rule>,
    pub(crate) limiter: Option<Inner>,
    pub(crate) default: bool,
    pub(crate) places: Vec<Place>,
}

/// A limiter on a scope.
#[derive(Clone, Debug)]
pub(crate) enum Inner {
    /// Outside of the rule of the scope.
    Around(Settings),
    /// Inside of the rule of the scope.
    Within(Settings),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Resource {
    pub(crate) patterns: Vec<&'static str>,
    pub(crate) guard: Option<Guard>,
    /// All, where there is none.
    pub(crate) methods: Vec<Verb>,
    pub(crate) default: bool,
    pub(crate) rule: Option<Rule>,
    pub(crate) limiter: Option<Settings>,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) pattern: &'static str,
    pub(crate) method: Verb,
    pub(crate) guard: Option<Guard>,
}

/// A header that must be there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Guard {
    A,
    B,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Head,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) lifts: Vec<Lift>,
    pub(crate) limits: Vec<Limit>,
}

/// An exemption from limits further out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lift {
    All,
    Defaults,
    Application,
    Scopes,
}

#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) amount: u64,
    pub(crate) adds: bool,
    /// All, where there is none.
    pub(crate) methods: Vec<Verb>,
    pub(crate) per_method: bool,
}

/// A rule given by pattern.
#[derive(Clone, Debug)]
pub(crate) struct PatternRule {
    pub(crate) at: At,
    /// The number of the place whose pattern it has, in the order of registration.
    pub(crate) target: usize,
    pub(crate) methods: Vec<Verb>,
    pub(crate) rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    Route,
    Scope,
}

/// Requests that are alike.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) kind: Kind,
    pub(crate) times: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: Path,
    pub(crate) method: Verb,
    /// True if it has the header of this guard.
    pub(crate) a: bool,
    pub(crate) b: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Path {
    /// The path of a place, by its number, with this in place of parameters, in this spelling.
    Of(usize, &'static str, Spelling),
    Text(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Spelling {
    Plain,
    /// With a slash at the end.
    Slash,
    /// With two slashes in front.
    Double,
    /// Below `/v`.
    Below,
    /// With a segment more.
    Longer,
    /// With an escaped letter.
    Escaped,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Whole,
    /// Middleware inside of the limiter answers.
    Denied,
    /// Dropped after it was polled so many times.
    Dropped(usize),
    /// The handler panics.
    Panics,
    /// All at once.
    Together,
}

impl App {
    /// Returns whether requests are decided before those that came earlier are routed.
    pub(crate) fn routes_later(&self) -> bool {
        self.defers || self.denies || self.inside == Some(Rewrite::TakeOff)
    }
}

impl Inner {
    pub(crate) fn settings(&self) -> &Settings {
        match self {
            Self::Around(settings) | Self::Within(settings) => settings,
        }
    }
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Head => "HEAD",
        }
    }

    /// HEAD is GET wherever a method is matched or counted.
    pub(crate) fn counted(self) -> Self {
        if self == Self::Head { Self::Get } else { self }
    }

    /// Returns whether methods include this one, as limits understand them.
    pub(crate) fn is_among(self, methods: &[Self]) -> bool {
        methods.is_empty() || methods.iter().any(|method| method.counted() == self.counted())
    }
}

impl Guard {
    pub(crate) fn admits(self, request: &Request) -> bool {
        match self {
            Self::A => request.a,
            Self::B => request.b,
        }
    }
}
