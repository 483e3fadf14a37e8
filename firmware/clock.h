/* The board's time since its reset: microseconds for the host, ticks of half a microsecond for edges. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define TICKS_PER_US 2u

/* As the timer has it, which is quick to read; what it is in microseconds can be worked out later. */
struct instant {
    uint32_t overflows;
    uint16_t count; /* ticks: differences of up to 16 ms are good */
};

void clock_begin(void);
struct instant clock_read(void); /* with interrupts off */
uint32_t clock_us_of(struct instant at); /* wraps after 71.6 minutes */
uint32_t clock_us(void);

#endif
