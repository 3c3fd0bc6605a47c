import { expect, test } from "bun:test"
import { findWanted } from "../../src/plugins/permission.ts"

test.each([
  ..."entities:read entities:write entries:read entries:write users:read jobs:create db system".split(" "),
  ..."env:API_KEY import:node:fs import:Bun import:import() import:with:text".split(" "),
  ..."net:api.example.org net:localhost net:10.0.0.5 net:::1 net:2606:4700::1111 net:xn--mnchen-3ya.example".split(" "),
])('findWanted() has nothing to say of "%s"', (permission) => expect(findWanted(permission)).toBeUndefined())

test.each([
  ["", 'a permission such as "jobs:create"'],
  ["a b", 'a permission such as "jobs:create"'],
  ["entires:read", 'a permission such as "jobs:create"'],
  ["entries:full", 'a permission such as "jobs:create"'],
  ["net:", 'a permission such as "jobs:create"'],
  ["net:*.example.org", "each host by its whole name"],
  ["net:https://api.example.org/v1", 'a host as a URL has it: "net:api.example.org"'],
  ["net:api.example.org:8443", 'a host as a URL has it: "net:api.example.org"'],
  ["net:api.example.org/v1", 'a host as a URL has it: "net:api.example.org"'],
  ["net:API.example.org", 'a host as a URL has it: "net:api.example.org"'],
  ["net:münchen.example", 'a host as a URL has it: "net:xn--mnchen-3ya.example"'],
  ["net:[::1]", 'a host as a URL has it: "net:::1"'],
  ["net://", "a host as a URL has it, without more of the URL"],
])('findWanted() wants something else than "%s"', (permission, wanted) => {
  expect(findWanted(permission)).toBe(wanted)
})
