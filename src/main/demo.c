/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "main/main_priv.h"

int
main_demo(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("drawbridge: demo is being written\n", stderr);
	return 1;
}
