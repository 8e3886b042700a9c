// A linter sees names, not types. These are members of the app's own data, or of what DingTalk answers (`place.address`), though
// something that is newer than the engine has a member of that name. A fork puts its own here.

export const members = [];
