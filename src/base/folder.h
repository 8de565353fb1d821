/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders on disk.
 */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

/*
 * Waits until the folder that `path` stands in is on disk: then a file that
 * was made, renamed or removed there stays so after a power cut.  ERR_SYSTEM.
 */
int folder_sync_of(const char *path);

#endif
