#include "lines.h"

#include <stddef.h>
#include <util/atomic.h>

#include "board.h"
#include "serial.h"

#define EARLY (48u * TICKS_PER_US) /* the interrupt comes so much before an edge, and waits for it */
#define LEAD 100u                  /* us from a command to the first edge of its train, for what has to be prepared */

struct line {
    struct line_settings settings;
    volatile uint8_t *port;
    uint8_t mask;
    volatile bool on;
    volatile uint8_t switched; /* counts how often it went on or off, to see a gap between two looks */
    bool armed;
    uint8_t seen;
    uint32_t since, fed; /* us */
    uint8_t level;
    /* The train, in ticks. */
    volatile bool running, ended;
    uint32_t next, width, gap, pause, left, burst, left_in_burst, end;
    uint16_t number, edges; /* edges: a second */
};

static struct line lines[LINES];
static uint8_t count;

/* Lines with a running train, the one whose edge comes next at the end. Only touched with interrupts off. */
static struct line *queue[LINES];
static uint8_t queued;

static inline void drive(struct line *line, bool on) {
    if (on == line->settings.active_high) *line->port |= line->mask;
    else *line->port &= (uint8_t)~line->mask;
    line->on = on;
    line->switched++;
}

static void enqueue(struct line *line) {
    uint8_t at = queued++;
    for (; at && (int32_t)(queue[at - 1]->next - line->next) < 0; at--) queue[at] = queue[at - 1];
    queue[at] = line;
}

static void dequeue(const struct line *line) {
    for (uint8_t i = 0; i < queued; i++)
        if (queue[i] == line) {
            for (queued--; i < queued; i++) queue[i] = queue[i + 1];
            return;
        }
}

/* After an edge: when the next one comes; false if the train is over. */
static bool advance(struct line *line) {
    if (line->on) {
        line->next += line->width;
        return true;
    }
    if (line->left && !--line->left) {
        line->end = line->next;
        line->running = false;
        line->ended = true;
        return false;
    }
    bool last_of_burst = line->burst && !--line->left_in_burst;
    if (last_of_burst) line->left_in_burst = line->burst;
    line->next += last_of_burst ? line->pause : line->gap;
    return true;
}

static void set_alarm(void) {
    edge_interrupt_off();
    if (!queued) return;
    uint32_t next = queue[queued - 1]->next - EARLY;
    int32_t ahead = (int32_t)(next - clock_ticks_in_interrupt());
    if (ahead > 0xf000) { /* beyond this turn of the timer: look again later */
        EDGE_COUNT = (uint16_t)(next - (uint32_t)ahead + 0xf000u);
        edge_interrupt_on();
        return;
    }
    EDGE_COUNT = (uint16_t)next;
    edge_interrupt_on();
    if ((int32_t)(next - clock_ticks_in_interrupt()) <= 0) {
        EDGE_COUNT = (uint16_t)(clock_ticks_in_interrupt() + 20u); /* it has passed meanwhile: at once */
    }
}

/* Edges first, all that are due. What comes after each of them is worked out in short steps, with a look at new edges
   after each step: so eight trains at the same moment are late by the few microseconds of eight writes and one step.
   The clock is read in full once: what has passed since fits into the timer's own 16 bits. Edges that follow one another
   closely are made in one go; what the serial port receives meanwhile would be lost, so it is taken here, too. */
ISR(EDGE_vect) {
    struct line *flipped[LINES], *planned = NULL;
    uint8_t waiting = 0, first = 0, place = 0;
    const uint32_t entered = clock_ticks_in_interrupt();
    const uint16_t low = (uint16_t)entered;
    for (;;) {
        serial_take();
        while (queued) {
            struct line *line = queue[queued - 1];
            int32_t ahead = (int32_t)(line->next - entered);
            if (ahead > 0x7fff) break;
            uint16_t at = ahead < 0 ? 0 : (uint16_t)ahead;
            int16_t wait = (int16_t)(at - (uint16_t)(CLOCK_COUNT - low));
            if (wait > (waiting || planned ? 0 : (int16_t)EARLY)) break; /* time for a step meanwhile, or to leave */
            while ((int16_t)(at - (uint16_t)(CLOCK_COUNT - low)) > 0) {
            }
            drive(line, !line->on);
            queued--;
            flipped[(first + waiting++) % LINES] = line;
        }
        if (!planned) {
            if (!waiting) break;
            planned = flipped[first]; /* the oldest: its next edge may be the next of all */
            first = (first + 1) % LINES;
            waiting--;
            place = 0;
            if (!advance(planned)) planned = NULL;
            continue;
        }
        uint8_t steps = 3;
        while (steps && place < queued && (int32_t)(queue[place]->next - planned->next) > 0) {
            place++;
            steps--;
        }
        if (!steps) continue;
        if (place > queued) place = queued; /* the last ones have been taken out meanwhile */
        for (uint8_t i = queued++; i > place; i--) queue[i] = queue[i - 1];
        queue[place] = planned;
        planned = NULL;
    }
    set_alarm();
}

void lines_begin(void) { pwm_start(); }

static void stop(struct line *line) { /* interrupts are off */
    if (line->running) {
        line->running = false;
        dequeue(line);
    }
    line->ended = false;
    if (line->level) {
        pwm_off(line->settings.pin);
        line->level = 0;
    }
    drive(line, false);
}

void lines_forget(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        for (uint8_t i = 0; i < count; i++) stop(&lines[i]);
        count = 0;
        queued = 0;
        edge_interrupt_off();
        release_all_pins();
    }
}

bool line_add(const struct line_settings *settings) {
    uint8_t other;
    if (count == LINES || line_find(settings->pin, &other)) return false;
    struct line *line = &lines[count];
    uint8_t port = port_of(settings->pin);
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        *line = (struct line){.settings = *settings, .port = out_register(port), .mask = mask_of(settings->pin)};
        drive(line, false); /* the level first, then the driver: the pin is never on in between */
        *direction_register(port) |= line->mask;
        count++;
    }
    return true;
}

uint8_t line_count(void) { return count; }

bool line_find(uint8_t pin, uint8_t *line) {
    for (uint8_t i = 0; i < count; i++)
        if (lines[i].settings.pin == pin) {
            *line = i;
            return true;
        }
    return false;
}

uint32_t line_arm(uint8_t line) {
    lines[line].armed = true;
    return lines[line].fed = clock_us();
}

uint32_t line_disarm(uint8_t line) {
    lines[line].armed = false;
    return line_off(line);
}

uint32_t line_on(uint8_t line) {
    uint32_t us = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        struct line *l = &lines[line];
        bool steady = l->on && !l->running && !l->level;
        if (!steady) { /* what is on stays on, and its limit runs on */
            bool was_on = l->on;
            uint8_t switched = l->switched;
            if (l->running) {
                l->running = false;
                dequeue(l);
            }
            l->ended = false;
            drive(l, true);
            if (l->level) pwm_off(l->settings.pin);
            l->level = 0;
            if (was_on) l->switched = switched;
        }
        us = clock_now_in_interrupt().us;
    }
    return us;
}

uint32_t line_off(uint8_t line) {
    uint32_t us = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        stop(&lines[line]);
        us = clock_now_in_interrupt().us;
    }
    return us;
}

uint32_t line_level(uint8_t line, uint8_t level) {
    if (level == 0) return line_off(line);
    if (level == 255) return line_on(line);
    uint32_t us = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        struct line *l = &lines[line];
        uint8_t switched = l->switched;
        bool was_on = l->on;
        if (l->running) stop(l);
        drive(l, false); /* where the pin is when the timer lets go of it */
        pwm_set(l->settings.pin, level, l->settings.active_high);
        l->level = level;
        l->on = true;
        l->switched = was_on ? switched : (uint8_t)(switched + 1);
        us = clock_now_in_interrupt().us;
    }
    return us;
}

static uint16_t edges_of(const struct train *train) {
    if (train->count == 1 && train->burst <= 1) return 0; /* over before it could keep the chip busy */
    return (uint16_t)(2000000u / (train->burst == 1 ? train->interval : train->period));
}

bool line_takes(uint8_t line, const struct train *train) {
    uint16_t edges = edges_of(train);
    if (!edges) return true;
    for (uint8_t i = 0; i < count; i++)
        if (i != line && lines[i].running) edges = (uint16_t)(edges + lines[i].edges);
    return edges <= MOST_EDGES;
}

uint32_t line_train(uint8_t line, const struct train *train, uint16_t number) {
    struct line *l = &lines[line];
    uint32_t us = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { stop(l); }
    l->width = train->width * TICKS_PER_US;
    l->gap = (train->period - train->width) * TICKS_PER_US;
    l->burst = l->left_in_burst = train->burst;
    l->pause = 0;
    if (train->burst) {
        uint32_t within = (train->burst - 1) * train->period + train->width; /* from the first edge of a burst to its last */
        l->pause = (train->interval - within) * TICKS_PER_US;
    }
    l->left = train->count;
    l->number = number;
    l->edges = edges_of(train);
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        struct instant now = clock_now_in_interrupt();
        uint32_t ahead = train->delay + LEAD;
        us = now.us + ahead;
        l->next = now.ticks + ahead * TICKS_PER_US;
        l->running = true;
        enqueue(l);
        set_alarm();
    }
    return us;
}

void line_feed(uint8_t line) { lines[line].fed = clock_us(); }

bool line_is_armed(uint8_t line) { return lines[line].armed; }

const struct line_settings *line_settings(uint8_t line) { return &lines[line].settings; }

static void lose(struct line *line) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { stop(line); }
    line->armed = false;
}

enum loss line_check(uint8_t line) {
    struct line *l = &lines[line];
    uint32_t now = clock_us();
    bool on = false;
    uint8_t switched = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        on = l->on;
        switched = l->switched;
    }
    if (!on || switched != l->seen) {
        l->seen = switched;
        l->since = now;
    }
    if (l->armed && l->settings.watchdog && now - l->fed > l->settings.watchdog) {
        lose(l);
        return LOST_HOST;
    }
    if (on && now - l->since > l->settings.max_on) {
        lose(l);
        return LOST_TIME;
    }
    return LOST_NOTHING;
}

bool line_train_ended(uint8_t line, uint16_t *number, uint32_t *us) {
    struct line *l = &lines[line];
    if (!l->ended) return false;
    l->ended = false;
    *number = l->number;
    *us = clock_us_of(l->end);
    return true;
}
