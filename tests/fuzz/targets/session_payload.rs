#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dingtalk_h5_fuzz::properties::session_payload(input));
