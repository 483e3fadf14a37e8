/* The board's time since its reset: microseconds for the host, ticks of half a microsecond for edges. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define TICKS_PER_US 2u

struct instant {
    uint32_t us;    /* wraps after 71.6 minutes */
    uint32_t ticks; /* wraps after 35.8 minutes: differences of up to 17 minutes are good */
};

void clock_begin(void);
struct instant clock_now(void);
struct instant clock_now_in_interrupt(void);
uint32_t clock_ticks_in_interrupt(void);
uint32_t clock_us(void);
uint32_t clock_us_of(uint32_t ticks); /* of an instant less than 17 minutes ago or ahead */

#endif
