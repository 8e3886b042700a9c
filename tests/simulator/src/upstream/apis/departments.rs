//! Departments, and who is in them.

use serde_json::{Value, json};

use super::user_shapes;
use super::users::details;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Department, Holder, Organisation, Person, ROOT, World};

pub static LIST_SUB: Api = department("/topapi/v2/department/listsub", "list departments", list_sub);
pub static GET: Api = department("/topapi/v2/department/get", "get department", get);
pub static LIST_PARENTS: Api = department("/topapi/v2/department/listparentbyuser", "list parents of user", list_parents);

pub static LIST_IDS: Api = Api::post("/topapi/user/listid", "list userIds", "qyapi_get_member", Access::App(list_ids));

pub static LIST_USERS: Api =
    Api::post("/topapi/v2/user/list", "list users", "qyapi_get_department_member", Access::App(list_users));

pub static SCOPES: Api = Api::get("/auth/scopes", "get visible range", "qyapi_base", Access::App(scopes));

/// The older form of the list: all levels below a department, or only its children if `fetch_child` is false.
pub static LIST_OLD: Api = Api::get("/department/list", "list departments", "qyapi_get_department_list", Access::App(list_old));

const fn department(path: &'static str, label: &'static str, answer: fn(&Call, &Holder, &mut World) -> Answer) -> Api {
    Api::post(path, label, "qyapi_get_department_list", Access::App(answer))
}

fn list_sub(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let whole = || Some(ROOT.to_string());
    in_department(call.parameter("dept_id").or_else(whole), holder, world, |organisation, id| {
        let below = organisation.departments.iter().filter(|department| department.parent_id == Some(id));
        below.map(brief).collect()
    })
}

fn list_old(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let id = call.query_parameter("id").map_or(Some(ROOT), |id| id.parse().ok());
    let all = !call.query_parameter("fetch_child").is_some_and(|all| all.eq_ignore_ascii_case("false"));
    let Some((organisation, id)) = known(id, holder, world) else {
        return Answer::legacy_error(60003, "部门不存在");
    };
    let is_below = |department: &&Department| match department.parent_id {
        Some(parent) if all => way_up(organisation, parent).contains(&id),
        parent => parent == Some(id),
    };
    let told = organisation.departments.iter().filter(is_below).map(|Department { id, name, parent_id }| {
        json!({"id": id, "name": name, "parentid": parent_id, "createDeptGroup": true, "autoAddUser": true})
    });
    Answer::legacy(json!({"errcode": 0, "errmsg": "ok", "department": told.collect::<Vec<_>>()}))
}

fn get(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    in_department(call.parameter("dept_id"), holder, world, |organisation, id| {
        let found = organisation.departments.iter().find(|department| department.id == id);
        let mut told = found.map(brief).unwrap_or_default();
        told["member_count"] = json!(everybody_in(organisation, id).count());
        told["owning_member_count"] = json!(members(organisation, id).count());
        told
    })
}

/// Also for people outside the app's visible range.
fn list_ids(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    in_department(call.parameter("dept_id"), holder, world, |organisation, id| {
        let ids = members(organisation, id).map(|person| &person.user_id);
        json!({"userid_list": ids.collect::<Vec<_>>()})
    })
}

fn list_users(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let number = |name: &str| call.parameter(name).and_then(|number| number.parse::<usize>().ok());
    let (cursor, Some(size @ 1..=100)) = (number("cursor").unwrap_or(0), number("size")) else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    in_department(call.parameter("dept_id"), holder, world, |organisation, id| {
        let people: Vec<_> = members(organisation, id).filter(|person| world.sees(holder, &person.user_id)).collect();
        let page = people.iter().skip(cursor).take(size).map(|person| details(person, call, holder, world));
        let page = page.map(|details| user_shapes::in_department(&details, id));
        let next = cursor.saturating_add(size);
        let mut told = json!({"list": page.collect::<Vec<_>>(), "has_more": next < people.len()});
        if next < people.len() {
            told["next_cursor"] = json!(next);
        }
        told
    })
}

/// Also for people outside the app's visible range.
fn list_parents(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(organisation) = world.organisation(&holder.corp_id) else {
        return Answer::topapi_error(50005, "企业已停用");
    };
    let Some(person) = organisation.person(&call.parameter("userid").unwrap_or_default()) else {
        return Answer::topapi_error(60121, "找不到该用户");
    };
    let ways = person.departments.iter().map(|id| json!({"parent_dept_id_list": way_up(organisation, *id)}));
    Answer::topapi(json!({"parent_list": ways.collect::<Vec<_>>()}))
}

fn scopes(_: &Call, holder: &Holder, world: &mut World) -> Answer {
    let visible = world.grants(holder).and_then(|grants| grants.visible.clone());
    let whole = if visible.is_none() { vec![ROOT] } else { Vec::new() };
    Answer::legacy(json!({
        "errcode": 0,
        "errmsg": "ok",
        "auth_user_field": ["name", "avatar", "userid"],
        "auth_org_scopes": {"authed_dept": whole, "authed_user": visible.unwrap_or_default()},
    }))
}

fn in_department(id: Option<String>, holder: &Holder, world: &World, told: impl Fn(&Organisation, u64) -> Value) -> Answer {
    let Some(id) = id else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    match known(id.parse().ok(), holder, world) {
        Some((organisation, id)) => Answer::topapi(told(organisation, id)),
        None => Answer::topapi_error(60003, "部门不存在"),
    }
}

fn known<'a>(id: Option<u64>, holder: &Holder, world: &'a World) -> Option<(&'a Organisation, u64)> {
    let there = world.organisation(&holder.corp_id).zip(id);
    there.filter(|(organisation, id)| organisation.departments.iter().any(|department| department.id == *id))
}

fn brief(department: &Department) -> Value {
    let mut told = json!({"dept_id": department.id, "name": department.name, "auto_add_user": true, "create_dept_group": true});
    if let Some(parent_id) = department.parent_id {
        told["parent_id"] = json!(parent_id);
    }
    told
}

fn members(organisation: &Organisation, id: u64) -> impl Iterator<Item = &Person> {
    // A person without a department is in the root department.
    let is_in = move |person: &&Person| person.departments.contains(&id) || (id == ROOT && person.departments.is_empty());
    organisation.people.iter().map(|person| &**person).filter(is_in)
}

/// The people in a department, or in one below it.
pub fn everybody_in(organisation: &Organisation, id: u64) -> impl Iterator<Item = &Person> {
    let is_below = move |own: &u64| way_up(organisation, *own).contains(&id);
    let is_in = move |person: &&Person| id == ROOT || person.departments.iter().any(is_below);
    organisation.people.iter().map(|person| &**person).filter(is_in)
}

fn way_up(organisation: &Organisation, from: u64) -> Vec<u64> {
    let parent = |id: &u64| organisation.departments.iter().find(|department| department.id == *id)?.parent_id;
    // The bound ends the loop if the departments of a world form a circle.
    std::iter::successors(Some(from), parent).take(organisation.departments.len() + 1).collect()
}
