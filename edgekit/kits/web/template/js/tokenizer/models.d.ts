/** WordPiece, BPE and Unigram: the code points of a piece → tokens. */
import type { Token } from "./steps.js";
import { type Unit } from "./tables.js";
import type { TokenizerFiles } from "./tokenizer.js";
export type Model = (units: Unit[]) => Token[];
export declare function model(words: string[], files: TokenizerFiles): Model;
