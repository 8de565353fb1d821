/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of main/.
 */
#ifndef MAIN_MAIN_PRIV_H
#define MAIN_MAIN_PRIV_H

#ifndef DRAWBRIDGE_VERSION
#define DRAWBRIDGE_VERSION "0.1.0"
#endif

/* `drawbridge serve`: the arguments behind it; the exit status. */
int main_serve(int argc, char **argv);
/* `drawbridge demo`. */
int main_demo(int argc, char **argv);

#endif
