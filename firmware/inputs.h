/* The inputs: digital pins, and analog ones with two thresholds, looked at every 100 us. */
#ifndef INPUTS_H
#define INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#define INPUTS 8u

struct change {
    uint32_t us;
    uint8_t pin;
    bool level;
};

void inputs_begin(void);
void inputs_forget(void);
bool input_add(uint8_t pin, bool pull_up, uint32_t debounce);          /* false: no room, or the pin is taken */
bool input_add_analog(uint8_t pin, uint16_t low, uint16_t high);       /* high above `high`, low below `low` */
bool input_is_used(uint8_t pin);
bool input_level(uint8_t pin);
bool input_changed(struct change *change); /* the next change that counts, after debouncing */
uint32_t inputs_lost(void);                /* changes that were too many to keep, since the last call */

#endif
