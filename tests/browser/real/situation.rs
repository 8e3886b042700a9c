//! What can happen to a page in a container, and what it shows then: one table for all containers and versions.

use super::container::{ANDROID, Container, HARMONY, IOS, MINI_PROGRAM, PC_FRAME, PC_WINDOW, Ready};
use super::library::{NEWEST, VERSIONS};
use super::plan::{Loading, Plan};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    Login,
    BridgeLate,
    BridgeNever,
    /// The bridge fails before the library is loaded.
    BridgeFailedEarly,
    /// The bridge fails after the library was loaded.
    BridgeFailed,
    /// The bridge is ready, but the client never answers the request for an authCode.
    NoAnswer,
    LibraryMissing,
    LibraryTakenByAmd,
    Config,
    ConfigRefused,
    /// The client never answers `dd.config`.
    ConfigNoAnswer,
}

/// What somebody sees in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The page they wanted.
    Page,
    /// DingTalk did not answer.
    TimedOut,
    /// DingTalk refused, and said this.
    Refused(&'static str),
    OpenInDingtalk,
    NoLibrary,
}

use Situation::{
    BridgeFailed, BridgeFailedEarly, BridgeLate, BridgeNever, Config, ConfigNoAnswer, ConfigRefused, LibraryMissing,
    LibraryTakenByAmd, Login, NoAnswer,
};

/// All situations. Those that wait longest begin first.
pub const SITUATIONS: [Situation; 11] = [
    ConfigNoAnswer,
    NoAnswer,
    BridgeNever,
    BridgeFailedEarly,
    BridgeFailed,
    BridgeLate,
    Login,
    Config,
    ConfigRefused,
    LibraryMissing,
    LibraryTakenByAmd,
];

const WITH_A_LIBRARY: &[Situation] = SITUATIONS.first_chunk::<9>().unwrap();
const BEFORE_3_1: &[&str] = &["2.10.3", "3.0.12"];
const OLDEST: &[&str] = &["2.10.3"];

/// An exception: some versions of the library show something else in a container in these situations.
struct Limit {
    container: &'static Container,
    versions: &'static [&'static str],
    situations: &'static [Situation],
    sight: Sight,
    because: &'static str,
}

const LIMITS: [Limit; 9] = [
    Limit {
        container: &HARMONY,
        versions: BEFORE_3_1,
        situations: WITH_A_LIBRARY,
        sight: Sight::OpenInDingtalk,
        because: "they do not know HarmonyOS and find themselves outside DingTalk",
    },
    Limit {
        container: &PC_WINDOW,
        versions: OLDEST,
        situations: &[ConfigNoAnswer, NoAnswer, BridgeNever, Login, Config, ConfigRefused],
        sight: Sight::TimedOut,
        because: "it looks for its host above the window only, unless the host introduces itself, as in BridgeLate",
    },
    Limit {
        container: &MINI_PROGRAM,
        versions: BEFORE_3_1,
        situations: &[BridgeLate, BridgeNever],
        sight: Sight::Refused("AlipayJSBridge is not defined"),
        because: "they do not wait for the bridge but fail at once; another try works when it is there",
    },
    Limit {
        container: &ANDROID,
        versions: OLDEST,
        situations: &[BridgeFailed],
        sight: Sight::TimedOut,
        because: "it does not listen for runtimefailed",
    },
    Limit {
        container: &ANDROID,
        versions: &VERSIONS,
        situations: &[BridgeFailedEarly],
        sight: Sight::TimedOut,
        because: "nobody listens for runtimefailed before the library is loaded",
    },
    Limit {
        container: &PC_FRAME,
        versions: &VERSIONS,
        situations: &[BridgeLate],
        sight: Sight::TimedOut,
        because: "a question to a host that does not listen yet is lost, and nobody repeats it",
    },
    Limit {
        container: &IOS,
        versions: &VERSIONS,
        situations: &[BridgeFailedEarly, BridgeFailed],
        sight: Sight::Refused(""),
        because: "a bridge that cannot be initialised is rejected with undefined",
    },
    Limit {
        container: &HARMONY,
        versions: &[NEWEST],
        situations: &[BridgeFailedEarly, BridgeFailed],
        sight: Sight::Refused(""),
        because: "as on iOS",
    },
    Limit {
        container: &ANDROID,
        versions: &["3.0.12", NEWEST],
        situations: &[BridgeFailed],
        sight: Sight::Refused("nuvajs bootstrap error"),
        because: "runtimefailed tells why",
    },
];

impl Situation {
    /// Whether this situation can occur in this container and is tried with this version.
    pub fn is_known_in(self, container: &Container, version: &str) -> bool {
        match self {
            // Only three bridges have a way to fail.
            BridgeFailedEarly | BridgeFailed => [ANDROID.name, IOS.name, HARMONY.name].contains(&container.name),
            // A library that is missing has no version: one try is enough.
            LibraryMissing => version == NEWEST,
            _ => true,
        }
    }

    pub fn sight(self, container: &Container, version: &str) -> Sight {
        match (self.limit(container, version), self) {
            (Some(limit), _) => limit.sight,
            (None, BridgeNever | NoAnswer) => Sight::TimedOut,
            (None, LibraryMissing | LibraryTakenByAmd) => Sight::NoLibrary,
            (None, _) => Sight::Page,
        }
    }

    /// Why this container and version are an exception. Empty if they are not.
    pub fn because(self, container: &Container, version: &str) -> &'static str {
        self.limit(container, version).map_or("", |limit| limit.because)
    }

    fn limit(self, container: &Container, version: &str) -> Option<&'static Limit> {
        LIMITS.iter().find(|limit| {
            limit.container.name == container.name && limit.versions.contains(&version) && limit.situations.contains(&self)
        })
    }

    pub fn plan(self, version: &'static str) -> Plan {
        match self {
            Login => Plan::normal("login", version),
            BridgeLate => Plan::normal("bridge late", version).ready(Ready::Late),
            BridgeNever => Plan::normal("bridge never", version).ready(Ready::Never),
            BridgeFailedEarly => Plan::normal("bridge failed early", version).ready(Ready::FailedEarly),
            BridgeFailed => Plan::normal("bridge failed", version).ready(Ready::Failed),
            NoAnswer => Plan::normal("no answer", version).wishing("authCode", "never"),
            LibraryMissing => Plan::normal("library missing", version).loading(Loading::Missing),
            LibraryTakenByAmd => Plan::normal("library taken by amd", version).loading(Loading::Amd),
            Config => Plan::normal("config", version).at("/jsapi"),
            ConfigRefused => Plan::normal("config refused", version).at("/jsapi").wishing("config", "refuse"),
            ConfigNoAnswer => Plan::normal("config no answer", version).at("/jsapi").wishing("config", "never"),
        }
    }
}

/// Whether the library rejects with `undefined`, whatever the error.
pub fn errors_tell_nothing(container: &Container, version: &str) -> bool {
    container.name == IOS.name && OLDEST.contains(&version)
}
