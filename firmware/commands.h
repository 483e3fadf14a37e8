/* Carries out the host's lines. docs/reference/firmware.md has the protocol. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdint.h>

#define ROOM_TO_ANSWER 80u /* bytes that an answer or an event takes at most */

void carry_out(char *payload);
void refuse_damaged(void);

/* An event: its number, the board's time, a word and one value or two. */
void event_begin(uint32_t us, const char *word_in_program_memory);
void say_boot(void);

#endif
