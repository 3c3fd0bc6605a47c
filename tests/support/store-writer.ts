import { openStore } from "../../src/plugins/store.ts"

// run as a program: writes one entry again and again until it is told to stop, or killed
const [folder = "", integrity = "", size = "0", times = "1"] = process.argv.slice(2)
const store = openStore(folder, new Uint8Array(32).fill(7))
const files = new Map([["plugin.ts", new Uint8Array(Number(size)).fill(97)]])
console.log("ready")
for (let time = 0; time < Number(times); time++) await store.writeTree(integrity, files)
