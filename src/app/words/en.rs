//! English.

use super::{Clinic, ClinicScript, Entry, Home, Jsapi, JsapiScript, Nav, Profile, Samples, SignedOut, Words};
use crate::app::NAME;
use crate::web::ForScript;
use crate::web::words::{self as plumbing, Message};

pub static WORDS: Words = Words {
    plumbing: plumbing::Words {
        app_name: NAME,
        entry: ENTRY,
        error_page: plumbing::ErrorPage {
            home: "Go to the home page",
            reference: "Reference: ",
        },
        problems: PROBLEMS,
        scripts: ForScript::new(SCRIPTS),
    },
    nav: Nav {
        label: "Pages",
        home: "Home",
        profile: "Profile",
        jsapi: "JSAPI",
    },
    home: Home {
        title: "Home",
        signed_in: "Signed in through DingTalk",
        tiles: "What you can do here",
        profile: Entry {
            name: "Your profile",
            about: "What DingTalk tells this app about you",
        },
        jsapi: Entry {
            name: "JSAPI playground",
            about: "Call the DingTalk client from this page",
        },
        session: "Your session",
        log_out: "Log out",
    },
    profile: Profile {
        title: "Profile",
        owner: "Owner",
        administrator: "Administrator",
        departments: "Departments",
        roles: "Roles",
        job_number: "Job number",
        work_place: "Place of work",
        mobile: "Mobile",
        email: "Email",
        details_need: "The full details need this permission: ",
    },
    jsapi: JSAPI,
    jsapi_script: ForScript::new(JSAPI_SCRIPT),
    clinic: CLINIC,
    clinic_script: ForScript::new(CLINIC_SCRIPT),
    signed_out: SignedOut {
        title: "Signed out",
        heading: "You have signed out",
        text: "Your session with this app has ended. DingTalk itself stays signed in.",
        sign_in: "Sign in again",
    },
};

const ENTRY: plumbing::Entry = plumbing::Entry {
    title: "Signing in",
    no_javascript: Message {
        happened: "JavaScript is switched off",
        next: "Signing in through DingTalk needs it. Allow JavaScript for this page, then load it again.",
    },
    signing_in: "Signing you in…",
    slow: "This takes longer than usual.",
    load_again: "Load the page again",
    open_in_dingtalk: Message {
        happened: "Open this in DingTalk",
        next: "This app signs you in through DingTalk and works inside DingTalk only.",
    },
    open: "Open in DingTalk",
    or_by_hand: "or find it yourself",
    by_hand_first: "Open DingTalk on your phone or computer.",
    by_hand_then: "Go to Workplace and choose this app, or send yourself this address and open it from the chat:",
    address: "Address of this page",
    copy: "Copy",
    try_again: "Try again",
};

const PROBLEMS: plumbing::Problems = plumbing::Problems {
    code_rejected: Message {
        happened: "DingTalk did not accept the sign-in code.",
        next: "Try again. If it keeps happening, close this page and open it again from DingTalk.",
    },
    login_required: Message {
        happened: "You are not signed in.",
        next: "Open the app again to sign in.",
    },
    state_rejected: Message {
        happened: "The sign-in of this page is no longer valid.",
        next: "Try again. If it keeps happening, this browser may block cookies: allow them, or open the app in its own window.",
    },
    origin_rejected: Message {
        happened: "The request came from an address that this app does not trust.",
        next: "Close this page and open the app again from DingTalk.",
    },
    organisation_rejected: Message {
        happened: "This app belongs to another organisation.",
        next: "Switch to that organisation in DingTalk, then open the app from its workbench.",
    },
    organisation_unknown: Message {
        happened: "DingTalk did not say which organisation you are in.",
        next: "Open the app from the workbench in DingTalk.",
    },
    not_found: Message {
        happened: "There is nothing here.",
        next: "Check the address for typing errors.",
    },
    method_not_allowed: Message {
        happened: "That cannot be done here.",
        next: "Go back to the home page.",
    },
    code_in_use: Message {
        happened: "This sign-in is already under way in another window.",
        next: "Wait a moment, then try again.",
    },
    request_timeout: Message {
        happened: "The request took too long to arrive.",
        next: "Check your connection, then try again.",
    },
    payload_too_large: Message {
        happened: "The request is too large.",
        next: "Send 4096 bytes at most.",
    },
    uri_too_long: Message {
        happened: "This address is too long.",
        next: "Open the app from DingTalk's workbench.",
    },
    head_too_large: Message {
        happened: "The browser sent too much along.",
        next: "Clear the cookies of this site and try again.",
    },
    unsupported_media_type: Message {
        happened: "The request is not JSON.",
        next: "Send it as application/json.",
    },
    bad_request: Message {
        happened: "The request cannot be understood.",
        next: "Load the page again: it may be out of date.",
    },
    url_rejected: Message {
        happened: "This address cannot be signed for DingTalk.",
        next: "Open the app again from DingTalk.",
    },
    rate_limited: Message {
        happened: "There were too many attempts in a short time.",
        next: "Wait a minute, then try again.",
    },
    retry_with_new_code: Message {
        happened: "DingTalk was interrupted while checking who you are.",
        next: "Try again in a moment.",
    },
    dingtalk_unavailable: Message {
        happened: "DingTalk cannot be reached at the moment.",
        next: "Wait a minute, then try again.",
    },
    quota_spent: Message {
        happened: "Your organisation has used up its DingTalk calls for this month.",
        next: "Tell your administrator. It works again next month, or with another edition of DingTalk.",
    },
    misconfigured: Message {
        happened: "This app is not set up correctly.",
        next: "Please tell your administrator, with the reference below.",
    },
    internal: INTERNAL,
};

const INTERNAL: Message = Message {
    happened: "Something went wrong on our side.",
    next: "Try again. If it keeps happening, tell your administrator.",
};

const SCRIPTS: plumbing::Scripts = plumbing::Scripts {
    failures: plumbing::Failures {
        timeout: Message {
            happened: "DingTalk did not answer.",
            next: "Try again. If it keeps happening, close this page and open it again from DingTalk.",
        },
        refused: Message {
            happened: "DingTalk refused the request.",
            next: "Try again. If it keeps happening, show your administrator what DingTalk said.",
        },
        cancelled: Message {
            happened: "It was cancelled.",
            next: "Try again when you are ready.",
        },
        outside: Message {
            happened: "This page is not open in DingTalk.",
            next: "Open it in DingTalk.",
        },
        no_library: Message {
            happened: "The part of this page that talks to DingTalk could not be loaded.",
            next: "Check your network connection, then try again.",
        },
        network: Message {
            happened: "The server cannot be reached.",
            next: "Check your network connection, then try again.",
        },
        problem: INTERNAL,
    },
    troubles: plumbing::Troubles {
        user_changed: Message {
            happened: "Somebody else is signed in to DingTalk now.",
            next: "The page is being loaded again.",
        },
        session_lost: Message {
            happened: "You were signed in, but your session does not come back.",
            next: "This browser seems to block cookies for this page. Allow them, or open the app in its own window, then try again.",
        },
        wrong_address: Message {
            happened: "This app is served at another address.",
            next: "Open it there to sign in.",
        },
        no_auth_code: Message {
            happened: "DingTalk answered without a sign-in code.",
            next: "Update DingTalk, then try again.",
        },
        no_such_api: Message {
            happened: "This DingTalk does not know that function.",
            next: "Update DingTalk, then try again.",
        },
    },
    dingtalk_said: "DingTalk said: ",
    request_id: "Reference: ",
    copied: "Copied",
    copy_by_hand: "Selected – now copy it",
};

const JSAPI: Jsapi = Jsapi {
    title: "JSAPI playground",
    configuring: "Configuring",
    configuring_text: "DingTalk is checking the signature of this page…",
    load_again: "Load the page again",
    run: "Run",
    open: Entry {
        name: "Open calls",
        about: "Work in every page that runs in DingTalk.",
    },
    network: Entry {
        name: "Network",
        about: "How the device is connected.",
    },
    alert: Entry {
        name: "Alert",
        about: "A dialog with one button.",
    },
    toast: Entry {
        name: "Toast",
        about: "A short note that goes away by itself.",
    },
    confirm: Entry {
        name: "Confirm",
        about: "A question; the answer is the button's index.",
    },
    set_title: Entry {
        name: "Title",
        about: "Changes the title bar of the client.",
    },
    vibrate: Entry {
        name: "Vibrate",
        about: "Phones only.",
    },
    open_link: Entry {
        name: "Open a link",
        about: "Opens another site in a window of its own.",
    },
    gated: Entry {
        name: "Gated calls",
        about: "Need a page that dd.config was accepted for.",
    },
    choose: Entry {
        name: "Choose people",
        about: "The organisation's own picker.",
    },
    location: Entry {
        name: "Location",
        about: "Where the device is. Phones only.",
    },
    documentation: "DingTalk's documentation of all JSAPIs",
};

const JSAPI_SCRIPT: JsapiScript = JsapiScript {
    accepted: "Accepted",
    accepted_text: "DingTalk accepted the signature of this page. Every call below is open.",
    refused: "Refused",
    refused_text: "Calls that need the signature will fail. The others still work.",
    ok: "OK",
    failed: "Failed",
    cancelled: "Cancelled",
    samples: Samples {
        alert_title: "Hello",
        alert: "This dialog was opened by the page.",
        button: "Got it",
        toast: "Saved",
        confirm_title: "One question",
        confirm: "Do you like this app?",
        confirm_no: "Not yet",
        confirm_yes: "Yes",
        title: "A new title",
    },
};

const CLINIC: Clinic = Clinic {
    title: "Signature clinic",
    about: "DingTalk's own sources disagree on how a page is signed. This tries each way in turn, one page after the other, in the client you are in, and tells which ones it accepts.",
    start: "Start",
    under_way: "Trying",
    done: "That is all of them.",
    report: "Report",
    copy: "Copy",
};

const CLINIC_SCRIPT: ClinicScript = ClinicScript {
    no_storage: "This client keeps nothing from one page to the next, so the results cannot be collected.",
    copied: "Copied.",
    copy_by_hand: "Select the text and copy it by hand.",
};
