/* SPDX-License-Identifier: MIT */
/*
 * The fields of Perfetto's trace format that are used here (protos/perfetto/trace), by their
 * numbers.  A file is a sequence of fields TRACE_PACKET, so two files one after the other are one.
 */
#ifndef PERFETTO_H
#define PERFETTO_H

/* message Trace */
#define TRACE_PACKET 1

/* message TracePacket */
#define PACKET_CLOCK_SNAPSHOT 6
#define PACKET_TIMESTAMP 8
#define PACKET_SEQUENCE 10 /* trusted_packet_sequence_id */
#define PACKET_TRACK_EVENT 11
#define PACKET_SEQUENCE_FLAGS 13
#define PACKET_CLOCK 58 /* timestamp_clock_id */
#define PACKET_TRACK_DESCRIPTOR 60

#define SEQUENCE_IS_CLEARED 1 /* SEQ_INCREMENTAL_STATE_CLEARED */

/* message ClockSnapshot, and message Clock in it */
#define SNAPSHOT_CLOCK 1
#define SNAPSHOT_PRIMARY 2 /* primary_trace_clock */
#define CLOCK_ID 1
#define CLOCK_TIME 2

/* Clocks: built in, and the first one that a sequence may define for itself. */
#define CLOCK_IS_MONOTONIC 3
#define CLOCK_IS_BOOTTIME 6
#define CLOCK_OWN 64
#define CLOCK_OWN_END 128

/* message TrackDescriptor, and message ProcessDescriptor in it */
#define TRACK_UUID 1
#define TRACK_NAME 2
#define TRACK_PROCESS 3
#define TRACK_PARENT 5
#define PROCESS_PID 1
#define PROCESS_NAME 6

/* message TrackEvent */
#define EVENT_ANNOTATION 4 /* debug_annotations */
#define EVENT_TYPE 9
#define EVENT_TRACK 11
#define EVENT_NAME 23
#define EVENT_FLOW 47 /* flow_ids, fixed64 */
#define EVENT_FLOW_END 48 /* terminating_flow_ids, fixed64 */

#define EVENT_IS_BEGIN 1
#define EVENT_IS_END 2
#define EVENT_IS_INSTANT 3

/* message DebugAnnotation */
#define ANNOTATION_UINT 3
#define ANNOTATION_POINTER 7
#define ANNOTATION_NAME 10

/* Types of fields (protobuf's encoding). */
#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

#endif
