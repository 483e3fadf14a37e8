/* Runs the firmware in simavr: its serial port is a pty, every pin is traced, inputs are driven by commands.

   simulator FIRMWARE.elf [--trace FILE] [--free] [--bootloader SECONDS]

   Prints `uart /dev/pts/N` once it runs. The trace has a line for each change of a pin:
   microseconds of the chip since the start, nanoseconds since the epoch, pin, and 0, 1 or z (not driven).
   Commands on standard input, a line each:
     pin N 0|1      drives a digital pin from outside
     adc N MV       puts millivolts on an analog pin (14 is A0)
     wire A B US    puts what output A does on input B, microseconds later: as a digital level, and as 0 or 5000 mV on
                    an analog pin. A light and its photodiode; edges of one kind must be further apart than US
     at US TEXT     sends TEXT and a newline to its serial port from this microsecond of the trace on, so that a run can be
                    repeated to the cycle: the moment at which bytes come from the pty depends on the computer
     reset          the reset button
     waited         notes in the trace for how many us at most a received byte was not taken by the firmware, since the
                    last time: after 170 us a chip loses one, as its UART has room for two, and simavr's for 64
     freeze, go     stops the chip where it is, and goes on
     cut, unplug    takes the line, or the port, from the computer; the board runs on
     quit
   It keeps to real time; --free runs as fast as it can. With --bootloader each opening of the pty resets the chip and
   leaves it in its bootloader for so long, as an Arduino Uno does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <avr_adc.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_elf.h>

#define FREQUENCY 16000000u
#define CYCLES_PER_BYTE 1389u /* 115200 baud, ten bits */
#define SLICE 8000u           /* cycles between two looks at the outside world: 0.5 ms */
#define PINS 20

static avr_t *avr;
static FILE *trace;
static int master;
static uint8_t direction[3]; /* ports D, B, C */
static int level[PINS];
static char shown[PINS];
static int wire_to[PINS]; /* 0: no wire: pins 0 and 1 are the serial port */
static avr_cycle_count_t wire_delay[PINS];
static const avr_uart_t *uart;
static avr_cycle_count_t longest_wait, waits_since;
static bool frozen;
static bool cut; /* its line: nothing comes and nothing goes */
#define SENT 64
static char sent[SENT][100]; /* by `at`, in this order */
static avr_cycle_count_t sent_at[SENT]; /* 0: nothing */
static size_t sent_first, sent_last, sent_length;
static char output[1 << 16];
static size_t output_length;

static const char PORT_NAMES[] = {'D', 'B', 'C'};
static const uint16_t DIRECTION_REGISTERS[] = {0x2a, 0x24, 0x27};

static int port_of(int pin) { return pin < 8 ? 0 : pin < 14 ? 1 : 2; }
static int bit_of(int pin) { return pin < 8 ? pin : pin < 14 ? pin - 8 : pin - 14; }

static int64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static avr_cycle_count_t carry(avr_t *chip, avr_cycle_count_t when, void *parameter);

static void show(int pin) {
    char now = !(direction[port_of(pin)] >> bit_of(pin) & 1) ? 'z' : level[pin] ? '1' : '0';
    if (now == shown[pin]) return;
    shown[pin] = now;
    if (trace)
        fprintf(trace, "%.4f %" PRId64 " %d %c\n", avr->cycle * 1e6 / FREQUENCY, clock_ns(CLOCK_REALTIME), pin, now);
    if (wire_to[pin])
        avr_cycle_timer_register(avr, wire_delay[pin], carry, (void *)(intptr_t)(wire_to[pin] << 1 | (now == '1')));
}

static void show_all(void) {
    for (int port = 0; port < 3; port++) direction[port] = avr->data[DIRECTION_REGISTERS[port]];
    for (int pin = 0; pin < PINS; pin++) show(pin);
}

static void on_pin(struct avr_irq_t *irq, uint32_t value, void *pin) {
    (void)irq;
    level[(intptr_t)pin] = value & 1;
    show((int)(intptr_t)pin);
}

static void on_direction(struct avr_irq_t *irq, uint32_t value, void *port) {
    (void)irq;
    direction[(intptr_t)port] = (uint8_t)value;
    for (int pin = 0; pin < PINS; pin++)
        if (port_of(pin) == (int)(intptr_t)port) show(pin);
}

static avr_irq_t *pin_irq(int pin) {
    return avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(PORT_NAMES[port_of(pin)]), bit_of(pin));
}

static void on_byte(struct avr_irq_t *irq, uint32_t value, void *parameter) {
    (void)irq;
    (void)parameter;
    if (output_length < sizeof output) output[output_length++] = (char)value;
}

/* A byte of what is sent to the cycle; -1: none is due. */
static int scheduled(avr_cycle_count_t when) {
    if (!sent_at[sent_first]) return -1;
    const char *text = sent[sent_first];
    if (when < sent_at[sent_first]) return -1;
    if (text[sent_length]) return (unsigned char)text[sent_length++];
    sent_at[sent_first] = sent_length = 0;
    sent_first = (sent_first + 1) % SENT;
    return '\n';
}

/* One byte after the other at the line's speed. */
static avr_cycle_count_t receive(avr_t *chip, avr_cycle_count_t when, void *parameter) {
    static unsigned char bytes[256];
    static ssize_t count, at;
    (void)parameter;
    int byte = scheduled(when);
    if (byte >= 0) {
        avr_raise_irq(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), (uint32_t)byte);
        return when + CYCLES_PER_BYTE;
    }
    if (sent_at[sent_first] && sent_at[sent_first] < when + CYCLES_PER_BYTE) return sent_at[sent_first];
    if (at >= count) {
        count = read(master, bytes, sizeof bytes);
        at = 0;
        if (cut) count = 0;
    }
    if (at < count) avr_raise_irq(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), bytes[at++]);
    return when + CYCLES_PER_BYTE;
}

static void send_output(void) {
    if (!output_length) return;
    if (cut) output_length = 0;
    ssize_t written = write(master, output, output_length);
    if (written > 0) {
        memmove(output, output + written, output_length - (size_t)written);
        output_length -= (size_t)written;
    } else if (errno == EIO) output_length = 0; /* nobody has the port open */
}

static void reset(void) {
    avr_reset(avr);
    memset(level, 0, sizeof level);
    show_all();
    avr_cycle_timer_register(avr, CYCLES_PER_BYTE, receive, NULL);
    uint32_t none = 0; /* neither sleep nor print on the firmware's behalf */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &none);
}

/* The level is also what the pin falls back to: simavr would give it its pull-up's whenever the port is written. */
static void drive(int pin, bool high) {
    static uint8_t driven[3], values[3];
    int port = port_of(pin);
    uint8_t mask = (uint8_t)(1 << bit_of(pin));
    driven[port] |= mask;
    values[port] = (uint8_t)(high ? values[port] | mask : values[port] & ~mask);
    avr_ioport_external_t external = {.name = (unsigned long)PORT_NAMES[port], .mask = driven[port], .value = values[port]};
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(PORT_NAMES[port]), &external);
    avr_raise_irq(pin_irq(pin), high);
}

static void trace_input(int pin, int value) {
    if (trace)
        fprintf(trace, "%.4f %" PRId64 " %d in%d\n", avr->cycle * 1e6 / FREQUENCY, clock_ns(CLOCK_REALTIME), pin, value);
}

static void put(int pin, int millivolts) {
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + pin - 14), (uint32_t)millivolts);
}

/* What a wire brings to its other end. */
static avr_cycle_count_t carry(avr_t *chip, avr_cycle_count_t when, void *parameter) {
    (void)chip;
    (void)when;
    int pin = (int)((intptr_t)parameter >> 1), high = (int)((intptr_t)parameter & 1);
    if (pin < PINS) drive(pin, high);
    if (pin >= 14) put(pin, high ? 5000 : 0);
    trace_input(pin, high);
    return 0;
}

static void look_at_uart(void) {
    if (!uart->rxc.pending) waits_since = avr->cycle;
    if (avr->cycle - waits_since > longest_wait) longest_wait = avr->cycle - waits_since;
}

static void obey(const char *command) {
    int pin, value, delay = 0;
    double us;
    char text[sizeof sent[0]];
    if (sscanf(command, "at %lf %99[^\n]", &us, text) == 2) {
        if (!(us >= 1)) fprintf(stderr, "refused, expected at least 1 us: %s\n", command);
        else if (sent_at[sent_last]) fprintf(stderr, "refused, %d lines wait already: %s\n", SENT, command);
        else {
            memcpy(sent[sent_last], text, sizeof text);
            sent_at[sent_last] = (avr_cycle_count_t)(us * (FREQUENCY / 1000000));
            sent_last = (sent_last + 1) % SENT;
        }
    } else if (sscanf(command, "pin %d %d", &pin, &value) == 2 && pin >= 0 && pin < PINS) {
        drive(pin, value != 0);
        trace_input(pin, value);
    } else if (sscanf(command, "adc %d %d", &pin, &value) == 2 && pin >= 14 && pin < 22) {
        put(pin, value);
        trace_input(pin, value);
    } else if (sscanf(command, "wire %d %d %d", &pin, &value, &delay) >= 2 && pin >= 2 && pin < PINS && value >= 2 &&
               value < 22) {
        wire_to[pin] = value;
        wire_delay[pin] = (avr_cycle_count_t)(delay > 0 ? delay : 1) * (FREQUENCY / 1000000);
        carry(avr, avr->cycle, (void *)(intptr_t)(value << 1 | (shown[pin] == '1')));
    } else if (!strcmp(command, "waited")) {
        trace_input(-1, (int)(longest_wait / (FREQUENCY / 1000000)));
        longest_wait = 0;
    } else if (!strcmp(command, "reset")) reset();
    else if (!strcmp(command, "freeze")) frozen = true;
    else if (!strcmp(command, "go")) frozen = false;
    else if (!strcmp(command, "cut")) cut = true;
    else if (!strcmp(command, "unplug")) {
        cut = true;
        close(master);
        master = -1;
    } else if (!strcmp(command, "quit")) exit(0);
    else fprintf(stderr, "unknown command: %s\n", command);
}

static void read_commands(void) {
    static char line[128];
    static size_t length;
    char byte;
    ssize_t count;
    while ((count = read(0, &byte, 1)) == 1) {
        if (byte != '\n') {
            if (length < sizeof line - 1) line[length++] = byte;
            continue;
        }
        line[length] = 0;
        length = 0;
        obey(line);
    }
    if (!count) exit(0); /* whoever started it is gone */
}

static bool is_open(void) {
    struct pollfd state = {.fd = master};
    return poll(&state, 1, 0) <= 0 || !(state.revents & POLLHUP);
}

static void be_quiet(avr_t *chip, const int importance, const char *format, va_list values) {
    (void)chip;
    if (importance <= LOG_ERROR) vfprintf(stderr, format, values);
}

int main(int argc, char **argv) {
    const char *firmware = NULL;
    bool free_running = false;
    double bootloader = -1;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--trace") && i + 1 < argc) trace = fopen(argv[++i], "w");
        else if (!strcmp(argv[i], "--free")) free_running = true;
        else if (!strcmp(argv[i], "--bootloader") && i + 1 < argc) bootloader = atof(argv[++i]);
        else firmware = argv[i];
    }
    elf_firmware_t file = {0};
    avr_global_logger_set(be_quiet);
    if (!firmware || elf_read_firmware(firmware, &file)) {
        fprintf(stderr, "usage: simulator FIRMWARE.elf [--trace FILE] [--free] [--bootloader SECONDS]\n");
        return 1;
    }
    if (trace) setvbuf(trace, NULL, _IOLBF, 0);
    avr = avr_make_mcu_by_name("atmega328p");
    avr_init(avr);
    avr->frequency = FREQUENCY;
    avr_load_firmware(avr, &file);
    avr->frequency = FREQUENCY;
    avr->vcc = avr->avcc = avr->aref = 5000;

    for (const avr_io_t *io = avr->io_port; io; io = io->next)
        if (!strcmp(io->kind, "uart")) uart = (const avr_uart_t *)io; /* its first member */

    int slave;
    char name[64];
    struct termios raw;
    cfmakeraw(&raw);
    if (openpty(&master, &slave, name, NULL, NULL)) return 1;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    close(slave);
    fcntl(master, F_SETFL, O_NONBLOCK);
    fcntl(0, F_SETFL, O_NONBLOCK);

    for (intptr_t pin = 0; pin < PINS; pin++) avr_irq_register_notify(pin_irq((int)pin), on_pin, (void *)pin);
    for (intptr_t port = 0; port < 3; port++)
        avr_irq_register_notify(
            avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(PORT_NAMES[port]), IOPORT_IRQ_DIRECTION_ALL), on_direction,
            (void *)port);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_byte, NULL);
    reset();
    printf("uart %s\n", name);
    fflush(stdout);

    bool open = is_open();
    int64_t start = clock_ns(CLOCK_MONOTONIC);
    avr_cycle_count_t next = avr->cycle + SLICE, begun = avr->cycle;
    for (;;) {
        if (!frozen) {
            int state = avr_run(avr);
            look_at_uart();
            if (state == cpu_Done || state == cpu_Crashed) {
                printf("stopped %d\n", state);
                return 2;
            }
            if (avr->cycle < next) continue;
            next = avr->cycle + SLICE;
        } else usleep(500);
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (frozen) { /* its time stands still */
            start = now - (int64_t)((avr->cycle - begun) * 1e9 / FREQUENCY);
        }
        show_all();
        send_output();
        read_commands();
        if (is_open() != open) {
            open = !open;
            if (open && bootloader >= 0) {
                reset();
                output_length = 0;
                usleep((useconds_t)(bootloader * 1e6));
                tcflush(master, TCIFLUSH);
                start = clock_ns(CLOCK_MONOTONIC) - (int64_t)((avr->cycle - begun) * 1e9 / FREQUENCY);
            }
        }
        if (free_running || frozen) continue;
        int64_t ahead = (int64_t)((avr->cycle - begun) * 1e9 / FREQUENCY) - (now - start);
        if (ahead > 0) usleep((useconds_t)(ahead / 1000));
        else if (ahead < -20000000) start -= ahead; /* a busy machine: the board's time runs late, never in bursts */
    }
}
