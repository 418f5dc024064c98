/* The shapes for which step.c is analysed: small ones that together reach every statement of a step. One -D picks one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * PATHS: the pathways of each layer (1 local, 2 state, 4 sparse). WINDOW: of sparse layers. PLACES: of recall. */
#ifndef ATOME_PROOF_SHAPES_H
#define ATOME_PROOF_SHAPES_H

#if defined(SHAPE_BASE) /* all pathways, a router, attention to the best two of three slots */
enum { VOCAB = 3, OUTPUTS = 3, WIDTH = 3, INNER = 0, HEAD = 2, TOP_K = 2, OPTIONS = 0, WINDOW_SLOTS = 3, PLACES = 0 };
#define PATHS 7
#elif defined(SHAPE_GATED) /* the same in the gated block, and a layer without attention and router */
enum { VOCAB = 3, OUTPUTS = 3, WIDTH = 2, INNER = 3, HEAD = 2, TOP_K = 2, OPTIONS = 0, WINDOW_SLOTS = 2, PLACES = 0 };
#define PATHS 7, 1
#elif defined(SHAPE_INT4) /* one 4-bit table for both ends, layers of one pathway each */
enum { VOCAB = 3, OUTPUTS = 3, WIDTH = 3, INNER = 0, HEAD = 1, TOP_K = 1, OPTIONS = 7, WINDOW_SLOTS = 2, PLACES = 0 };
#define PATHS 1, 2, 4
#elif defined(SHAPE_MATRICES) /* 4-bit matrices of every kind */
enum { VOCAB = 3, OUTPUTS = 3, WIDTH = 2, INNER = 3, HEAD = 1, TOP_K = 1, OPTIONS = 512, WINDOW_SLOTS = 2, PLACES = 0 };
#define PATHS 7
#elif defined(SHAPE_CLASSES) /* a classifier with names */
enum { VOCAB = 3, OUTPUTS = 2, WIDTH = 2, INNER = 2, HEAD = 1, TOP_K = 1, OPTIONS = 8, WINDOW_SLOTS = 1, PLACES = 0 };
#define PATHS 5
#elif defined(SHAPE_RECALL) /* tied, with recall, its gates and bonuses of symbols */
enum { VOCAB = 3, OUTPUTS = 3, WIDTH = 2, INNER = 0, HEAD = 1, TOP_K = 1, OPTIONS = 17 | 1024 | 2048, WINDOW_SLOTS = 0, PLACES = 3 };
#define PATHS 3
#elif defined(SHAPE_WIDE) /* five groups of columns: four at once, and one */
enum { VOCAB = 2, OUTPUTS = 2, WIDTH = 21, INNER = 0, HEAD = 1, TOP_K = 1, OPTIONS = 0, WINDOW_SLOTS = 0, PLACES = 0 };
#define PATHS 2
#elif defined(SHAPE_GATED_20K) /* gated-20k of src/model/configs.ts with 96 symbols */
enum { VOCAB = 96, OUTPUTS = 96, WIDTH = 48, INNER = 144, HEAD = 16, TOP_K = 4, OPTIONS = 7, WINDOW_SLOTS = 0, PLACES = 0 };
#define PATHS 3, 3, 3
#endif

#endif
