// SPDX-License-Identifier: MIT
/*
 * A guest under a debugger: stops, steps, registers, memory, several vCPUs; clients that are hostile,
 * slow or gone.  The debugger is a few lines here, which speak gdb's protocol (GDB manual, appendix
 * E); t/gdb-session.sh has the real one.
 */
#include <ucall/test.h>

extern volatile uint64_t counter, other, flag;
volatile uint64_t counter, other, flag;

#define NOINLINE __attribute__((noinline))

UCALL_GUEST NOINLINE void guest_one(void);
UCALL_GUEST void guest_spin_too(void);
UCALL_GUEST NOINLINE void guest_two(uint64_t n);

UCALL_GUEST NOINLINE void guest_one(void)
{
	counter++;
}

UCALL_GUEST NOINLINE void guest_two(uint64_t n)
{
	counter += n;
}

static UCALL_GUEST void guest_main(void)
{
	GUEST_SYNC(1);
	guest_one();
	guest_two(40);
	GUEST_SYNC(counter);
	guest_one();
	GUEST_DONE();
}

/* Ends when the host has set `flag`. */
static UCALL_GUEST void guest_spin(void)
{
	GUEST_SYNC(1);
	while (!flag)
		counter++;
	GUEST_DONE();
}

UCALL_GUEST void guest_spin_too(void)
{
	while (!flag)
		other++;
	GUEST_DONE();
}

static UCALL_GUEST void guest_asserts(void)
{
	GUEST_ASSERT_EQ(1, 2);
}

static UCALL_GUEST void guest_faults(void)
{
	*(volatile uint64_t *)0x123456789000 = 1;
}

#define QUEUE_ROUNDS 40

static UCALL_GUEST void guest_many(void)
{
	for (uint64_t i = 0; i < QUEUE_ROUNDS; i++)
		GUEST_SYNC(i);
	GUEST_DONE();
}

#define CHAIN(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#define DECLARE(n) UCALL_GUEST NOINLINE void guest_chain##n(void);
#define DEFINE(n) \
	UCALL_GUEST NOINLINE void guest_chain##n(void) \
	{ \
		counter += n; \
	}
#define CALL(n) guest_chain##n();
CHAIN(DECLARE)
CHAIN(DEFINE)

static UCALL_GUEST void guest_chain(void)
{
	CHAIN(CALL)
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the debugger ---- */

struct client {
	struct ucall_vm *vm;
	void (*script)(struct client *c);
	pthread_t thread;
	sem_t begun; /* it is connected, and the script runs; or this failed */
	char path[64], address[128];
	int fd;
	char reply[0x5000];
	char problem[512]; /* empty: all went well */
	jmp_buf failed;
};

static void fail(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct client *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->problem, sizeof(c->problem), format, args);
	va_end(args);
	longjmp(c->failed, 1);
}

static void send_bytes(struct client *c, const void *bytes, size_t size)
{
	if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail(c, "the server has gone");
}

static void send_packet(struct client *c, const char *text)
{
	char packet[0x5000];
	unsigned int sum = 0;

	for (const char *p = text; *p; p++)
		sum += (unsigned char)*p;
	snprintf(packet, sizeof(packet), "$%s#%02x", text, sum & 0xff);
	send_bytes(c, packet, strlen(packet));
}

/* The next packet, in c->reply.  "": the server has closed the connection. */
static const char *next_packet(struct client *c)
{
	size_t used = 0;
	char byte;

	do
		if (recv(c->fd, &byte, 1, 0) != 1)
			return "";
	while (byte != '$');
	while (recv(c->fd, &byte, 1, 0) == 1 && byte != '#' && used < sizeof(c->reply) - 1)
		c->reply[used++] = byte;
	c->reply[used] = 0;
	if (recv(c->fd, &byte, 1, 0) != 1 || recv(c->fd, &byte, 1, 0) != 1)
		return "";
	return c->reply;
}

static const char *ask(struct client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *ask(struct client *c, const char *format, ...)
{
	char text[0x4800];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send_packet(c, text);
	return next_packet(c);
}

static void expect(struct client *c, const char *got, const char *prefix)
{
	if (strncmp(got, prefix, strlen(prefix)) != 0)
		fail(c, "\"%.80s\" instead of \"%s\"", got, prefix);
}

/* The next stop, with the text before it in c->problem for a moment. */
static const char *next_stop(struct client *c, char *text, size_t size)
{
	const char *p = next_packet(c);

	if (text)
		text[0] = 0;
	while (p[0] == 'O') {
		for (size_t i = 0; text && i + 1 < size && p[1 + 2 * i]; i++) {
			const char digits[3] = { p[1 + 2 * i], p[2 + 2 * i], 0 };

			text[i] = (char)strtoul(digits, NULL, 16);
			text[i + 1] = 0;
		}
		p = next_packet(c);
	}
	return p;
}

static void go(struct client *c, const char *how, const char *stop)
{
	send_packet(c, how);
	expect(c, next_stop(c, NULL, 0), stop);
}

/* In a guest that is this program itself. */
#define CHAIN_PLACE(n) { "guest_chain" #n, (uintptr_t)guest_chain##n },
static const struct {
	const char *name;
	uintptr_t address;
} places[] = { { "counter", (uintptr_t)&counter },
	       { "other", (uintptr_t)&other },
	       { "flag", (uintptr_t)&flag },
	       { "guest_one", (uintptr_t)guest_one },
	       { "guest_two", (uintptr_t)guest_two },
	       { "guest_faults", (uintptr_t)guest_faults },
	       { "guest_spin_too", (uintptr_t)guest_spin_too },
	       CHAIN(CHAIN_PLACE) };

static uint64_t find(struct ucall_vm *vm, const char *name)
{
	const uint64_t at = ucall_vm_symbol(vm, name);

	for (size_t i = 0; !at && i < sizeof(places) / sizeof(places[0]); i++)
		if (!strcmp(places[i].name, name))
			return places[i].address;
	return at;
}

static uint64_t symbol(struct client *c, const char *name)
{
	const uint64_t at = find(c->vm, name);

	if (!at)
		fail(c, "no %s", name);
	return at;
}

/* A register or a variable, whose digits are in the target's order. */
static uint64_t parse_value(struct client *c, const char *hex)
{
	const bool big = !strcmp(ucall_test_arch(), "s390x");
	uint64_t value = 0;

	if (strlen(hex) < 16)
		fail(c, "\"%.40s\" is shorter than a value of 8 bytes", hex);
	for (int i = 0; i < 8; i++) {
		const char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		value |= (uint64_t)strtoul(digits, NULL, 16) << 8 * (big ? 7 - i : i);
	}
	return value;
}

static uint64_t variable(struct client *c, const char *name)
{
	return parse_value(c, ask(c, "m%llx,8", (unsigned long long)symbol(c, name)));
}

static void set_variable(struct client *c, const char *name, unsigned int value)
{
	if (!strcmp(ucall_test_arch(), "s390x"))
		expect(c,
		       ask(c, "M%llx,8:00000000000000%02x", (unsigned long long)symbol(c, name),
			   value),
		       "OK");
	else
		expect(c,
		       ask(c, "M%llx,8:%02x00000000000000", (unsigned long long)symbol(c, name),
			   value),
		       "OK");
}

/* The number of the program counter in target descriptions. */
static unsigned int pc_number(void)
{
	const char *arch = ucall_test_arch();

	return !strcmp(arch, "x86_64") ? 16 : !strcmp(arch, "s390x") ? 1 : 32;
}

static uint64_t pc(struct client *c)
{
	return parse_value(c, ask(c, "p%x", pc_number()));
}

static void set_break(struct client *c, const char *function, bool on)
{
	expect(c, ask(c, "%c0,%llx,4", on ? 'Z' : 'z', (unsigned long long)symbol(c, function)),
	       "OK");
}

/* What gdb does at a breakpoint: without it, one step. */
static void step_over(struct client *c, const char *function)
{
	set_break(c, function, false);
	go(c, "vCont;s:1", "T05");
	set_break(c, function, true);
}

static void connect_client(struct client *c)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
		fail(c, "connect: %s", strerror(errno));
}

static void disconnect(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void *run_client(void *data)
{
	struct client *c = data;

	c->fd = -1;
	if (!setjmp(c->failed)) {
		connect_client(c);
		expect(c, ask(c, "qSupported:swbreak+;hwbreak+"), "PacketSize=");
		expect(c, ask(c, "QStartNoAckMode"), "OK");
		expect(c, ask(c, "?"), "T");
		sem_post(&c->begun);
		c->script(c);
	}
	sem_post(&c->begun);
	disconnect(c);
	return NULL;
}

static bool by_steps;

/* QEMU's emulator of SVM dies when a nested guest enables a breakpoint of the CPU. */
static bool may_use_hardware(void)
{
#if defined(__x86_64__)
	unsigned int a, b = 0, c, d;

	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0x40000000), "c"(0));
	if (b == 0x54474354) /* "TCGT" */
		return false;
#endif
	return !by_steps;
}

static void listen_for(struct client *c, struct ucall_vm *vm, void (*script)(struct client *))
{
	memset(c, 0, sizeof(*c));
	c->vm = vm;
	c->script = script;
	sem_init(&c->begun, 0, 0);
	snprintf(c->path, sizeof(c->path), "/tmp/ucall-gdb-%d", (int)getpid());
	snprintf(c->address, sizeof(c->address), "unix:%s%s", c->path,
		 may_use_hardware() ? "" : ",breakpoints=step");
	CHECK_OK(!ucall_vm_gdb(vm, c->address));
}

static void start(struct client *c, struct ucall_vm *vm, void (*script)(struct client *))
{
	listen_for(c, vm, script);
	CHECK(!pthread_create(&c->thread, NULL, run_client, c));
}

static void finish(struct client *c)
{
	CHECK(!pthread_join(c->thread, NULL));
	if (c->problem[0])
		FAIL("the debugger: %s", c->problem);
}

/* ---- stops ---- */

/* All that guest_main() sends. */
static void *run_main(void *data)
{
	CHECK_NEXT((struct ucall_vcpu *)data, NULL, UCALL_SYNC);
	CHECK_NEXT((struct ucall_vcpu *)data, NULL, UCALL_SYNC);
	CHECK_NEXT((struct ucall_vcpu *)data, NULL, UCALL_DONE);
	return NULL;
}

static void break_script(struct client *c)
{
	set_break(c, "guest_one", true);
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	if (pc(c) != symbol(c, "guest_one"))
		fail(c, "stopped at 0x%llx", (unsigned long long)pc(c));
	if (variable(c, "counter") != 0)
		fail(c, "counter is %llu", (unsigned long long)variable(c, "counter"));
	set_variable(c, "counter", 1);
	step_over(c, "guest_one");
	if (pc(c) == symbol(c, "guest_one"))
		fail(c, "the step went nowhere");
	set_break(c, "guest_two", true);
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	if (pc(c) != symbol(c, "guest_two") || variable(c, "counter") != 2)
		fail(c, "0x%llx, counter is %llu", (unsigned long long)pc(c),
		     (unsigned long long)variable(c, "counter"));
	step_over(c, "guest_two");
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	set_break(c, "guest_one", false);
	set_break(c, "guest_two", false);
	go(c, "vCont;c", "W00");
}

static void host_break(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;
	struct ucall uc;

	start(&c, vm, break_script);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 42);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm); /* the debugger hears of it */
	finish(&c);
}

/* More than a CPU has. */
static void many_script(struct client *c)
{
	char name[32];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "guest_chain%d", i);
		set_break(c, name, true);
	}
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "guest_chain%d", i);
		go(c, "vCont;c", "T05thread:1;swbreak:;");
		if (pc(c) != symbol(c, name))
			fail(c, "at 0x%llx instead of %s", (unsigned long long)pc(c), name);
		set_break(c, name, false);
	}
	expect(c, ask(c, "D"), "OK");
}

static void host_many(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, many_script);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	finish(&c);
}

/* Breakpoints by steps look where the guest is before each step: there, not where it was. */
static void set_pc_script(struct client *c)
{
	const uint64_t two = symbol(c, "guest_two");
	char hex[17];

	for (int i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x",
			 (unsigned int)(two >>
					8 * (!strcmp(ucall_test_arch(), "s390x") ? 7 - i : i)) &
				 0xff);
	set_break(c, "guest_one", true);
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	expect(c, ask(c, "P%x=%s", pc_number(), hex), "OK");
	if (pc(c) != two)
		fail(c, "it is at 0x%llx", (unsigned long long)pc(c));
	set_break(c, "guest_two", true);
	step_over(c, "guest_two");
	go(c, "vCont;c", "T05thread:1;swbreak:;"); /* the usual call */
	if (pc(c) != two)
		fail(c, "stopped at 0x%llx", (unsigned long long)pc(c));
	expect(c, ask(c, "D"), "OK");
}

static void host_set_pc(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	by_steps = true;
	start(&c, vm, set_pc_script);
	by_steps = false;
	run_main(vcpu);
	finish(&c);
}

static void watch_script(struct client *c)
{
	char stop[64];

	expect(c, ask(c, "Z2,%llx,8", (unsigned long long)symbol(c, "counter")), "OK");
	snprintf(stop, sizeof(stop), "T05thread:1;watch:%llx;",
		 (unsigned long long)symbol(c, "counter"));
	go(c, "vCont;c", stop);
	if (variable(c, "counter") != 1)
		fail(c, "counter is %llu", (unsigned long long)variable(c, "counter"));
	go(c, "vCont;c", stop);
	if (variable(c, "counter") != 41)
		fail(c, "counter is %llu", (unsigned long long)variable(c, "counter"));
	/* Reads are not watched, and it says so. */
	expect(c, ask(c, "Z3,%llx,8", (unsigned long long)symbol(c, "counter")), "");
	expect(c, ask(c, "D"), "OK");
}

static void host_watch(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, watch_script);
	run_main(vcpu);
	finish(&c);
}

/* Steps from a message to the next one: over doorbells, and what the host does in between. */
static void step_script(struct client *c)
{
	uint64_t before = 0;
	int steps = 0;

	while (variable(c, "counter") != 42 && steps < 2000) {
		go(c, "vCont;s:1", "T05thread:1;");
		if (pc(c) == before)
			fail(c, "step %d went nowhere", steps);
		before = pc(c);
		steps++;
		if (variable(c, "counter") == 41) /* guest_one() is yet to come */
			break;
	}
	if (variable(c, "counter") != 41)
		fail(c, "counter is %llu after %d steps",
		     (unsigned long long)variable(c, "counter"), steps);
	expect(c, ask(c, "D"), "OK");
}

static void message_script(struct client *c)
{
	char text[256];

	expect(c, ask(c, "qRcmd,%s", "627265616b2053594e43"), ""); /* break SYNC */
	send_packet(c, "vCont;c");
	expect(c, next_stop(c, text, sizeof(text)), "T05thread:1;");
	if (strcmp(text, "vCPU 0: SYNC 1\n") != 0)
		fail(c, "the text is \"%s\"", text);
	if (strncmp(ucall_test_backend(), "ring", 4) != 0 &&
	    pc(c) >> 39 == UCALL_MAILBOX_ADDRESS >> 39)
		fail(c, "it stands in the doorbell");
	send_packet(c, "vCont;c");
	expect(c, next_stop(c, text, sizeof(text)), "T05thread:1;");
	if (strcmp(text, "vCPU 0: SYNC 41\n") != 0)
		fail(c, "the text is \"%s\"", text);
	expect(c, ask(c, "qRcmd,%s", "75"), ""); /* an unknown command: it lists the commands */
	expect(c, ask(c, "D"), "OK");
}

static void host_message(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;
	struct ucall uc;

	start(&c, vm, message_script);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 41);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	finish(&c);
}

static void host_step(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, step_script);
	run_main(vcpu);
	finish(&c);
}

/* ---- a guest that goes wrong ---- */

static void assert_script(struct client *c)
{
	char text[256];

	send_packet(c, "vCont;c");
	expect(c, next_stop(c, text, sizeof(text)), "T06thread:1;");
	if (!strstr(text, "ABORT") || !strstr(text, "gdb.c"))
		fail(c, "the text is \"%s\"", text);
	go(c, "vCont;c", "W00");
}

static void host_assert(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, assert_script);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ECANCELED);
	ucall_test_vm_free(vm);
	finish(&c);
}

static void fault_script(struct client *c)
{
	char text[512];

	send_packet(c, "vCont;c");
	expect(c, next_stop(c, text, sizeof(text)), "T0bthread:1;");
	if (!strstr(text, "vCPU 0"))
		fail(c, "the text is \"%s\"", text);
	if (pc(c) - symbol(c, "guest_faults") > 0x40)
		fail(c, "stopped at 0x%llx", (unsigned long long)pc(c));
	expect(c, ask(c, "P%x=0000000000000000", pc_number()), "E");
	expect(c, ask(c, "D"), "OK");
}

static void host_fault(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, fault_script);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	finish(&c);
}

/* ---- time ---- */

/* Lets the guest run until a variable of its has changed, and stops it by an interrupt: on a busy
 * machine a guest may not run at all for a while. */
static uint64_t run_until_changed(struct client *c, const char *how, const char *name)
{
	uint64_t before = variable(c, name), now = before;

	for (int i = 0; i < 100 && now == before; i++) {
		send_packet(c, how);
		usleep(60000);
		send_bytes(c, "\3", 1);
		expect(c, next_stop(c, NULL, 0), "T02");
		now = variable(c, name);
	}
	if (now == before)
		fail(c, "%s: %s stays %llu", how, name, (unsigned long long)now);
	return now;
}

/* The time limit is 30 ms, and the VM is stopped longer than that; the guest runs longer, too. */
static void interrupt_script(struct client *c)
{
	uint64_t before;

	usleep(60000);
	before = run_until_changed(c, "vCont;c", "counter");
	usleep(20000);
	if (variable(c, "counter") != before)
		fail(c, "the guest is at %llu, then %llu", (unsigned long long)before,
		     (unsigned long long)variable(c, "counter"));
	set_variable(c, "flag", 1);
	expect(c, ask(c, "D"), "OK");
}

static void host_interrupt(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, interrupt_script);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	finish(&c);
}

/* The debugger comes and goes in one call of the program, whose limit begins anew when it has gone. */
static void limit_script(struct client *c)
{
	send_packet(c, "vCont;c");
	usleep(60000);
	send_bytes(c, "\3", 1);
	expect(c, next_stop(c, NULL, 0), "T02");
	expect(c, ask(c, "D"), "OK");
	disconnect(c);
	connect_client(c);
	expect(c, ask(c, "?"), "T");
	usleep(60000);
	expect(c, ask(c, "D"), "OK");
}

static void host_limit(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, limit_script);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	finish(&c);
}

/* ---- two vCPUs ---- */

static void two_script(struct client *c)
{
	uint64_t mine, its;

	run_until_changed(c, "vCont;c", "counter");
	its = run_until_changed(c, "vCont;c", "other");
	mine = variable(c, "counter");
	expect(c, ask(c, "qfThreadInfo"), "m1,2");
	usleep(20000);
	if (variable(c, "counter") != mine || variable(c, "other") != its)
		fail(c, "not all stopped");
	/* Only the second one runs. */
	run_until_changed(c, "vCont;c:2", "other");
	if (variable(c, "counter") != mine)
		fail(c, "counter %llu, then %llu", (unsigned long long)mine,
		     (unsigned long long)variable(c, "counter"));
	/* Only the first one steps. */
	its = variable(c, "other");
	expect(c, ask(c, "Hg1"), "OK");
	mine = pc(c);
	go(c, "vCont;s:1", "T05thread:1;");
	if (pc(c) == mine || variable(c, "other") != its)
		fail(c, "the wrong vCPU stepped");
	set_variable(c, "flag", 1);
	expect(c, ask(c, "D"), "OK");
}

static void *run_second(void *data)
{
	CHECK_NEXT((struct ucall_vcpu *)data, NULL, UCALL_DONE);
	return NULL;
}

static void host_two(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t entry = find(vm, "guest_spin_too");
	struct ucall_vcpu *second;
	struct client c;
	pthread_t thread;

	CHECK_OK(entry);
	second = ucall_vcpu_add_entry(vm, entry, 0, 0, 0, 0, 0, 0, 0);
	CHECK_OK(second);
	start(&c, vm, two_script);
	CHECK(!pthread_create(&thread, NULL, run_second, second));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK(!pthread_join(thread, NULL));
	finish(&c);
}

/* Both go wrong at the same time, and both are told. */
static void two_faults_script(struct client *c)
{
	go(c, "vCont;c", "T0bthread:");
	go(c, "vCont;c", "T0bthread:");
	expect(c, ask(c, "D"), "OK");
}

static void *fault_second(void *data)
{
	CHECK_EQ(ucall_next(data, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	return NULL;
}

static void host_two_faults(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *second =
		ucall_vcpu_add_entry(vm, find(vm, "guest_faults"), 0, 0, 0, 0, 0, 0, 0);
	struct client c;
	pthread_t thread;

	CHECK_OK(second);
	start(&c, vm, two_faults_script);
	CHECK(!pthread_create(&thread, NULL, fault_second, second));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK(!pthread_join(thread, NULL));
	finish(&c);
}

/* ---- queues ---- */

static void queue_script(struct client *c)
{
	expect(c, ask(c, "qRcmd,%s", "627265616b2053594e43"), ""); /* break SYNC */
	for (int i = 0; i < QUEUE_ROUNDS; i++)
		go(c, "vCont;c", "T05thread:1;");
	expect(c, ask(c, "D"), "OK");
}

/* A stop at a message from a queue leaves the guest alone: it may be anywhere. */
static void each_queue(void)
{
	struct ucall_vm_config config = { .backend = "ring,depth=8" };
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	struct client c;

	if (strncmp(ucall_test_backend(), "ring", 4) != 0)
		SKIP("this backend has no queue");
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_many, 0);
	CHECK_OK(vcpu);
	start(&c, vm, queue_script);
	for (int i = 0; i < QUEUE_ROUNDS; i++)
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	finish(&c);
}

/* ---- snapshots and restarts ---- */

static void again_script(struct client *c)
{
	set_break(c, "guest_one", true);
	for (int i = 0; i < 3; i++) {
		go(c, "vCont;c", "T05thread:1;swbreak:;");
		if (variable(c, "counter") != 0)
			fail(c, "round %d: counter is %llu", i,
			     (unsigned long long)variable(c, "counter"));
		step_over(c, "guest_one");
		if (i == 2)
			break;
		go(c, "vCont;c", "T05thread:1;swbreak:;"); /* its second call */
		step_over(c, "guest_one");
	}
	expect(c, ask(c, "D"), "OK");
}

static void host_again(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	if (ucall_vm_snapshot(vm)) {
		CHECK_EQ(errno, EOPNOTSUPP);
		SKIP("%s", ucall_error());
	}
	start(&c, vm, again_script);
	for (int i = 0; i < 3; i++) {
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		CHECK_OK(!ucall_vm_restore(vm));
	}
	finish(&c);
}

/* ---- clients that go, or lie ---- */

static void vanish_script(struct client *c)
{
	set_break(c, "guest_one", true);
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	disconnect(c); /* with a breakpoint, while the VM is stopped */
	connect_client(c);
	expect(c, ask(c, "?"), "T");
	set_break(c, "guest_two", true);
	send_packet(c, "vCont;c");
	disconnect(c); /* while it runs */
}

static void host_vanish(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, vanish_script);
	run_main(vcpu);
	finish(&c);
}

static void hostile_script(struct client *c)
{
	static const char *const packets[] = {
		"",
		"!",
		"g0",
		"G",
		"G00",
		"p",
		"pffffffffffffffffffff",
		"p999",
		"P",
		"P1",
		"P=",
		"P999=00",
		"m",
		"m,",
		"mffffffffffffffff,ffffffffffffffff",
		"m0,1000",
		"m1",
		"M0,1",
		"M0,1:",
		"M0,ffffffff:00",
		"X0,5:ab",
		"X0,0:",
		"Z",
		"Z0",
		"Z0,",
		"Z0,1",
		"Z9,1,1",
		"Z2,0,ffffffffffffffff",
		"z0,1234,1",
		"z2,1234,1",
		"H",
		"Hg",
		"Hgffffffff",
		"Hc-1",
		"T",
		"T0",
		"T99",
		"q",
		"qXfer",
		"qXfer:features:read:target.xml:",
		"qXfer:features:read:target.xml:ffffffffffffffff,1",
		"qXfer:exec-file:read:zz:0,1",
		"qXfer:auxv:read::ffffff,1",
		"qRcmd,",
		"qRcmd,6",
		"qRcmd,zz",
		"qThreadExtraInfo,0",
		"vCont",
		"vCont;",
		"vCont;x",
		"vCont;s:",
		"vCont;r1",
		"vCont;c:p",
		"vMustReplyEmpty",
		"Q",
		"QStartNoAckMode",
		"\x7f",
		"}",
		"?}",
	};
	char large[0x5800];

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const char *p;

		if (!strcmp(packets[i], "vCont") || !strcmp(packets[i], "vCont;"))
			continue; /* these resume */
		p = ask(c, "%s", packets[i]);
		if (p != c->reply)
			fail(c, "packet %zu (%s) ended the connection", i, packets[i]);
	}
	/* A packet with a wrong checksum is answered with "-"; bytes outside of packets are ignored. */
	send_bytes(c, "abc$?#00", 8);
	send_packet(c, "qC");
	expect(c, next_packet(c), "QC");
	/* Too long: it hangs up, and the next one is served. */
	memset(large, 'm', sizeof(large));
	large[0] = '$';
	for (size_t at = 0; at < sizeof(large);) {
		ssize_t n = send(c->fd, large + at, sizeof(large) - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	expect(c, next_packet(c), "");
	disconnect(c);
	connect_client(c);
	expect(c, ask(c, "?"), "T");
	expect(c, ask(c, "D"), "OK");
}

static void host_hostile(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, hostile_script);
	run_main(vcpu);
	finish(&c);
}

/* The program frees the VM while the debugger has stopped it. */
static void freed_script(struct client *c)
{
	const char *p = next_packet(c);

	if (strcmp(p, "") != 0 && strncmp(p, "W", 1) != 0)
		fail(c, "\"%s\"", p);
}

static void host_freed(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, freed_script);
	sem_wait(&c.begun);
	ucall_test_vm_free(vm);
	finish(&c);
}

/* Another VM asks for the same address, and another debugger for the same VM: neither disturbs it. */
static void alone_script(struct client *c)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	strcpy(address.sun_path, c->path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail(c, "connect: %s", strerror(errno));
	if (recv(fd, &byte, 1, 0) != 0)
		fail(c, "a second debugger is not sent away");
	close(fd);
	if (variable(c, "counter") != 0)
		fail(c, "the guest has run");
	set_break(c, "guest_one", true);
	go(c, "vCont;c", "T05thread:1;swbreak:;");
	expect(c, ask(c, "D"), "OK");
}

static void host_alone(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vm *another = ucall_test_vm(NULL);
	struct client c;
	pthread_t thread;

	listen_for(&c, vm, alone_script);
	CHECK(!pthread_create(&thread, NULL, run_main, vcpu));
	CHECK(ucall_vm_gdb(another, c.address) && errno == EADDRINUSE);
	usleep(20000);
	CHECK(!pthread_create(&c.thread, NULL, run_client, &c));
	CHECK(!pthread_join(thread, NULL));
	finish(&c);
}

/* ---- registers that the host cannot see ---- */

static void closed_script(struct client *c)
{
	const char *p = ask(c, "g");

	/* The program counter and the stack pointer are 0, as gdb needs them. */
	if (strspn(p, "x0") != strlen(p) || strlen(p) < 100)
		fail(c, "registers are \"%.40s\"", p);
	p = ask(c, "Z0,%llx,1", (unsigned long long)symbol(c, "guest_one"));
	if (strncmp(p, "E.", 2) != 0 || !strstr(p, "register"))
		fail(c, "\"%.80s\"", p);
	expect(c, ask(c, "D"), "OK");
}

static void host_closed(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct client c;

	start(&c, vm, closed_script);
	run_main(vcpu);
	finish(&c);
}

/* ---- addresses ---- */

static void each_address(void)
{
	static const char *const wrong[] = {
		"",
		"0",
		"65536",
		"-1",
		"12ab",
		"unix:",
		"0.0.0.0:1",
		"unix:/nonexistent/gdb",
		"1234,breakpoints",
		"localhost",
	};
	struct ucall_vm *vm = ucall_test_vm(NULL), *more = ucall_test_vm(NULL);
	char path[64], address[80];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (ucall_vm_gdb(vm, wrong[i]) != -1)
			FAIL("\"%s\" is taken", wrong[i]);
	CHECK(ucall_vm_gdb(NULL, "1") && errno == EINVAL);
	CHECK(ucall_vm_gdb(vm, NULL) && errno == EINVAL);
	snprintf(path, sizeof(path), "/tmp/ucall-gdb-%d", (int)getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	CHECK_OK(!ucall_vm_gdb(vm, address));
	CHECK(ucall_vm_gdb(vm, address) && errno == EBUSY);
	CHECK(ucall_vm_gdb(more, address) && errno == EADDRINUSE);
	ucall_test_vm_free(vm);
	CHECK(access(path, F_OK));
	CHECK_OK(!ucall_vm_gdb(more, address));
}

/* Without breakpoints of the engine: each is found by steps. */
static void host_by_steps(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	by_steps = true;
	host_break(vm, vcpu);
	by_steps = false;
}

#define HOST(guest, function) UCALL_TEST_GUEST(guest), .host = function, .any_arch = true

UCALL_TESTS({ "breakpoints, registers and memory", HOST(guest_main, host_break) },
	    { "breakpoints by single steps", HOST(guest_main, host_by_steps) },
	    { "more breakpoints than the CPU has", HOST(guest_chain, host_many) },
	    { "a new program counter", HOST(guest_main, host_set_pc) },
	    { "a watchpoint", HOST(guest_main, host_watch) },
	    { "steps, over doorbells too", HOST(guest_main, host_step) },
	    { "it stops at a message", HOST(guest_main, host_message) },
	    { "it stops at a failed assert", HOST(guest_asserts, host_assert) },
	    { "it stops at a fault", HOST(guest_faults, host_fault) },
	    { "an interrupt; no time limit", HOST(guest_spin, host_interrupt),
	      .config = { .timeout_ms = 30 } },
	    { "a limit after the debugger has gone", HOST(guest_spin, host_limit),
	      .config = { .timeout_ms = 30 } },
	    { "two vCPUs", HOST(guest_spin, host_two) },
	    { "two faults", HOST(guest_faults, host_two_faults) },
	    { "messages of a queue", .each = each_queue },
	    { "after a restore", HOST(guest_main, host_again) },
	    { "a client that vanishes", HOST(guest_main, host_vanish) },
	    { "a hostile client", HOST(guest_main, host_hostile) },
	    { "another VM, another debugger", HOST(guest_main, host_alone) },
	    { "a VM that is freed", HOST(guest_main, host_freed) },
	    { "registers that are closed", HOST(guest_main, host_closed), .launch = true,
	      .config = { .protect = "emulated-sev-es" } },
	    { "addresses", .each = each_address });
#endif
