/** generation.txt and pieces.txt: how the model is called, and what its tokens add to a text. */
import { KitError } from "../error.js";
import { characters, fromHex, rows } from "../tokenizer/tables.js";
import { strip } from "../words.js";
export class GenerationTables {
    /** Tokens of prompt and answer together. */
    context = 0;
    vocabulary = 0;
    logits = "";
    /** Spaces that an answer may lose at its beginning. */
    strip = 0;
    stop = new Set();
    /** What an input is for → its name. */
    inputs = new Map();
    caches = [];
    joints = new Map();
    trimmed = new Set();
    pieces;
    constructor(generation, pieces) {
        this.pieces = rows(pieces);
        for (const line of rows(generation)) {
            const [word = "", ...rest] = line.split(" ");
            const [first = "", second = "", third = "", fourth = "", type = ""] = rest;
            switch (word) {
                case "format":
                    if (first !== "1")
                        throw new Error(`The tables have format ${first}; this code reads format 1.`);
                    break;
                case "context":
                    this.context = Number(first);
                    break;
                case "vocabulary":
                    this.vocabulary = Number(first);
                    break;
                case "stop":
                    for (const id of rest)
                        this.stop.add(Number(id));
                    break;
                case "strip":
                    this.strip = Number(first);
                    break;
                case "input":
                    this.inputs.set(first, second);
                    break;
                case "logits":
                    this.logits = first;
                    break;
                case "cache":
                    if (type !== "float32")
                        throw new Error(`The caches are ${type}, which this code does not read.`);
                    this.caches.push({ input: first, output: second, heads: Number(third), width: Number(fourth) });
                    break;
                case "joint":
                    this.joints.set(`${first} ${second}`, textOf(third));
                    break;
                case "trim":
                    for (const role of rest)
                        this.trimmed.add(role);
                    break;
            }
        }
    }
    get chats() {
        return this.joints.size > 0;
    }
    /** The bytes that a token adds. */
    bytes(token) {
        const hex = this.pieces[token] ?? "-";
        return Uint8Array.from(hex === "-" ? [] : (hex.match(/../g) ?? []), (byte) => parseInt(byte, 16));
    }
    /**
     * A conversation as the model was trained to read it.
     *
     * @throws KitError the model has no chat, or its roles can't follow one another so.
     */
    prompt(messages) {
        if (!this.chats) {
            throw new KitError("This model has no chat.", "Give the whole prompt to generate(); the README says why.");
        }
        let [made, last] = ["", "start"];
        for (const { role, content } of messages) {
            made += this.joint(last, role) + (this.trimmed.has(role) ? strip(content) : content);
            last = role;
        }
        return made + this.joint(last, "end");
    }
    joint(from, to) {
        const found = this.joints.get(`${from} ${to}`);
        if (found === undefined) {
            throw new KitError(`In this model's chat ${to} can't follow ${from}.`, "Let user and assistant take turns, the user first and last; a system text comes first, if the model has one.");
        }
        return found;
    }
}
export const textOf = (hex) => (hex === "-" ? "" : characters(fromHex(hex)).join(""));
