/* The output lines: pins that go on and off, by command or by trains that the timer's interrupt makes.

   A line is off until it is armed and commanded. It goes off by itself when the host no longer feeds its watchdog, and
   when it has been on for longer than its limit; both disarm it. */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define LINES 8u
#define SHORTEST_PHASE 200u     /* us that a pulse or a gap lasts at least */
#define SHORTEST_PERIOD 1000u   /* us */
#define MOST_EDGES 8000u        /* a second, of all trains: beyond that the chip could do nothing else any more */
#define LONGEST_PHASE 500000000u /* us; in ticks it stays below half of what the clock can tell apart */

struct line_settings {
    uint8_t pin;
    bool active_high;
    uint32_t max_on;   /* us that it may be on without a break */
    uint32_t watchdog; /* us without being fed after which it goes off; 0: none */
    bool endless;      /* whether it may have a train without an end */
};

struct train {
    uint32_t delay, width, period; /* us */
    uint32_t count;                /* of pulses; 0: endless */
    uint32_t burst, interval;      /* pulses in a burst, us from burst to burst; 0: one burst of all */
};

enum loss { LOST_NOTHING, LOST_HOST, LOST_TIME };

void lines_begin(void);
void lines_forget(void); /* all off, all configuration gone */
bool line_add(const struct line_settings *settings); /* false: no room, or the pin is taken */
uint8_t line_count(void);
bool line_find(uint8_t pin, uint8_t *line);

/* These say when they took effect, in the board's us. */
uint32_t line_arm(uint8_t line);
uint32_t line_disarm(uint8_t line);
uint32_t line_on(uint8_t line);
uint32_t line_off(uint8_t line);
uint32_t line_level(uint8_t line, uint8_t level);
bool line_takes(uint8_t line, const struct train *train); /* false: too many edges a second with those of other lines */
uint32_t line_train(uint8_t line, const struct train *train, uint16_t number); /* the time of its first edge */
void line_feed(uint8_t line);

bool line_is_armed(uint8_t line);
const struct line_settings *line_settings(uint8_t line);

/* Looks after limits and watchdogs; call it all the time. */
enum loss line_check(uint8_t line);
/* Whether a train has ended since the last call: its number and the us of its end. */
bool line_train_ended(uint8_t line, uint16_t *number, uint32_t *us);

#endif
