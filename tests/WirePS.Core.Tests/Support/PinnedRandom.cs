using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using WirePS.Cryptography;

namespace WirePS.Tests.Support;

/// <summary>The same bytes in every run, and a record of all that were given out, to look for them where they must not be.</summary>
internal sealed class PinnedRandom(int seed) : IRandomSource
{
    private readonly ConcurrentQueue<byte[]> _given = new();
    private readonly Lock _gate = new();
    private int _counter;

    /// <summary>Every answer so far.</summary>
    public IReadOnlyCollection<byte[]> Given => [.. _given];

    public void Fill(Span<byte> buffer)
    {
        lock (_gate)
        {
            Span<byte> input = stackalloc byte[8];
            Span<byte> block = stackalloc byte[32];
            for (var at = 0; at < buffer.Length; at += 32)
            {
                BinaryPrimitives.WriteInt32BigEndian(input, seed);
                BinaryPrimitives.WriteInt32BigEndian(input[4..], _counter++);
                SHA256.HashData(input, block);
                block[..Math.Min(32, buffer.Length - at)].CopyTo(buffer[at..]);
            }

            _given.Enqueue(buffer.ToArray());
        }
    }
}
