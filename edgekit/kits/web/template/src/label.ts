/** What the model tells apart, as it was trained. */
export type Label = string;
