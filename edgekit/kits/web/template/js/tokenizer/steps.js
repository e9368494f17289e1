/** The steps of a table: each takes one piece of text and gives its pieces. */
import { at, both, CodeMap, codeOf, endOf, Runs, startsWith, unit, utf8 } from "./tables.js";
export const onUnits = (change) => ({ units, first }) => [{ units: change(units), first }];
/** A piece that loses its first code point no longer begins the text. */
export const map = (table) => ({ units, first }) => [{ units: table.apply(units), first: first && table.of(at(units, 0))?.length !== 0 }];
/** Canonical ordering: sorts code points between those of class 0. */
export const order = (classes) => onUnits((units) => {
    const made = [];
    let marks = [];
    const flush = () => {
        for (const mark of marks.sort((a, b) => classes.of(a) - classes.of(b)))
            made.push(mark);
        marks = [];
    };
    for (const one of units) {
        if (classes.of(one) === 0) {
            flush();
            made.push(one);
        }
        else {
            marks.push(one);
        }
    }
    flush();
    return made;
});
/** Canonical composition with the last code point of class 0, unless something blocks it. */
export const compose = (joined, classes) => onUnits((units) => {
    const made = [];
    let starter = -1;
    for (const one of units) {
        const kind = classes.of(one);
        const blocked = starter < 0 || (starter < made.length - 1 && classes.of(made[made.length - 1]) >= kind);
        const result = blocked ? undefined : joined.get(both(codeOf(at(made, starter)), codeOf(one)));
        if (result !== undefined) {
            made[starter] = unit(result, endOf(one));
            continue;
        }
        made.push(one);
        if (kind === 0)
            starter = made.length - 1;
    }
    return made;
});
export const strip = (left, right, spaces) => ({ units, first }) => {
    let [start, end] = [0, units.length];
    while (left && start < end && spaces.of(units[start]))
        start++;
    while (right && end > start && spaces.of(units[end - 1]))
        end--;
    return [{ units: units.slice(start, end), first: first && start === 0 }];
};
/** "always"; "unless" it is there; or "first": unless it is there, where the text begins. */
export const prepend = (content, when) => (piece) => {
    const there = startsWith(piece.units, content, 0);
    if (when !== "always" && (there || (when === "first" && !piece.first)))
        return [piece];
    // Where `tokenizers` says that they are: a mark lies with the first code point, a space is trimmed away.
    const end = content.length === 1 && content[0] === 0x20 ? 0 : endOf(at(piece.units, 0));
    return [{ units: [...content.map((code) => unit(code, end)), ...piece.units], first: piece.first }];
};
export const replace = (pattern, content) => onUnits((units) => pattern.parts(units).flatMap(([found, part]) => found ? content.map((code) => unit(code, endOf(at(part, part.length - 1)))) : part));
/** Matches (1), what lies between (2), or both (3) as pieces. */
export const split = (pattern, mode) => ({ units, first }) => pattern.parts(units)
    .map(([found, part], i) => ({ keep: mode & (found ? 1 : 2), piece: { units: part, first: first && i === 0 } }))
    .filter(({ keep }) => keep)
    .map(({ piece }) => piece);
/** Every byte of the UTF-8 text as the code point that stands for it. */
export const spell = (alphabet) => onUnits((units) => units.flatMap((one) => utf8([one]).map((byte) => unit(at(alphabet, byte), endOf(one)))));
/** A piece around the added tokens in it: the leftmost first, of those the longest. */
export const find = (tokens, words, spaces) => {
    const starting = new Map();
    for (const token of [...tokens].sort((a, b) => b.codes.length - a.codes.length)) {
        starting.set(at(token.codes, 0), [...(starting.get(at(token.codes, 0)) ?? []), token]);
    }
    return (piece) => {
        const { units } = piece;
        const made = [];
        let done = 0; // where the last one's spaces end
        const gap = (end) => {
            if (done < end)
                made.push({ units: units.slice(done, end), first: piece.first && done === 0 });
        };
        for (let i = 0; i < units.length;) {
            const token = starting.get(codeOf(at(units, i)))?.find((one) => startsWith(units, one.codes, i));
            let [start, end] = [i, i + (token?.codes.length ?? 1)];
            i = end;
            if (!token || (token.singleWord && (words.of(units[start - 1]) || words.of(units[end]))))
                continue;
            while (token.left && start > done && spaces.of(units[start - 1]))
                start--;
            while (token.right && end < units.length && spaces.of(units[end]))
                end++;
            gap(start);
            made.push({ id: token.id, end: endOf(at(units, end - 1)) });
            done = end;
        }
        gap(units.length);
        return made;
    };
};
/** A backtracking program over classes of code points. */
export class Pattern {
    classes = new Runs([]);
    sets = [];
    code = [];
    /** What matches (true), and what lies between, from left to right. */
    parts(units) {
        const kinds = units.map((one) => this.classes.of(one));
        const made = [];
        let gap = 0;
        for (let i = 0; i < units.length;) {
            const end = this.end(kinds, i);
            if (end < 0) {
                i++;
                continue;
            }
            if (gap < i)
                made.push([false, units.slice(gap, i)]);
            made.push([true, units.slice(i, end)]);
            gap = i = end;
        }
        if (gap < units.length)
            made.push([false, units.slice(gap)]);
        return made;
    }
    /** Where the match that begins at `start` ends; −1: there is none. */
    end(kinds, start) {
        const todo = [0, start];
        while (todo.length) {
            let i = todo.pop() ?? 0;
            let place = todo.pop() ?? 0;
            for (;;) {
                const kind = this.code[place];
                const first = at(this.code, place + 1);
                if (kind === 0)
                    return i; // match
                if (kind === 3)
                    place = first; // jump
                else if (kind === 4) { // either: the first, and if that fails the second
                    todo.push(at(this.code, place + 2), i);
                    place = first;
                }
                else { // 1: one of the set; 2: none of the set comes next
                    const inside = i < kinds.length && !!this.sets[first]?.has(at(kinds, i));
                    if (inside !== (kind === 1))
                        break;
                    if (kind === 1)
                        i++;
                    place += 2;
                }
            }
        }
        return -1;
    }
}
/** SentencePiece's normalization map, looked up by short grapheme clusters (UAX #29) and by code points. */
export class Charsmap {
    shapes;
    one = new CodeMap([]);
    several = new Map();
    constructor(shapes = new Runs([])) {
        this.shapes = shapes;
    }
    /** Keys of several code points: `count key… count value…`. */
    readKeys(numbers) {
        for (let i = 0; i < numbers.length;) {
            const value = i + 1 + at(numbers, i);
            const end = value + 1 + at(numbers, value);
            this.several.set(numbers.slice(i + 1, value).join(), numbers.slice(value + 1, end));
            i = end;
        }
    }
    /** A cluster below six bytes that begins with a key becomes its value; else each code point its own. */
    step() {
        return onUnits((units) => this.clusters(units).flatMap((cluster) => {
            let found;
            if (utf8(cluster).length < 6) {
                const codes = cluster.map(codeOf);
                found = this.one.of(at(codes, 0));
                for (let n = 2; n <= codes.length; n++)
                    found ??= this.several.get(codes.slice(0, n).join());
            }
            return found?.map((code) => unit(code, endOf(at(cluster, cluster.length - 1)))) ?? this.one.apply(cluster);
        }));
    }
    /** Classes: 1 control 2 CR 3 LF 4 extends 5 ZWJ 6 spacing mark 7 prepended; Hangul 8 L 9 V 10 T 11 LV 12 LVT;
        13 pictograph 14 consonant 15 linker 16 extends, but ends a conjunct. */
    clusters(units) {
        const made = [];
        let last = 0;
        let [emoji, conjunct] = [0, 0]; // 1: one has begun; 2: the next may join
        for (const one of units) {
            const kind = this.shapes.of(one);
            const mark = [4, 5, 6, 15, 16].includes(kind);
            const edge = [1, 2, 3].includes(last) || [1, 2, 3].includes(kind);
            const joins = (last === 2 && kind === 3)
                || (!edge && (mark || last === 7))
                || (last === 8 && [8, 9, 11, 12].includes(kind))
                || ((last === 9 || last === 11) && (kind === 9 || kind === 10))
                || ((last === 10 || last === 12) && kind === 10)
                || (emoji === 2 && kind === 13)
                || (conjunct === 2 && kind === 14);
            if (joins && made.length)
                made[made.length - 1]?.push(one);
            else
                made.push([one]);
            if (kind === 13)
                emoji = 1;
            else
                emoji = emoji !== 1 || !mark || kind === 6 ? 0 : kind === 5 ? 2 : 1;
            if (kind === 14)
                conjunct = 1;
            else if (![4, 5, 15].includes(kind))
                conjunct = 0;
            else if (kind === 15 && conjunct)
                conjunct = 2;
            last = kind;
        }
        return made;
    }
}
