using System.Collections.Concurrent;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Tests.Cryptography;
using WirePS.Trust;

namespace WirePS.Tests.Devices;

/// <summary>A device list in memory, for which this home is an issuer with the rights given.</summary>
internal sealed class TestDeviceBook : IDeviceBook
{
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)77, 32)];

    public const string Alice = "did:wire:alice";

    /// <summary>The key of the issuer.</summary>
    public byte[] Key { get; } = Ed25519.PublicKey(Seed);

    public IReadOnlyList<string> Principals { get; set; } = [Alice];

    public DeviceRights Rights { get; set; } = DeviceRights.All;

    /// <summary>What was added, by key, with how often that was asked for.</summary>
    public ConcurrentDictionary<string, (DeviceCandidate Candidate, int Times)> Added { get; } = new(StringComparer.Ordinal);

    /// <summary>The grants that were ended.</summary>
    public ConcurrentQueue<GivenGrant> Ended { get; } = new();

    /// <summary>Thrown before something is added; null for nothing.</summary>
    public Exception? FaultBefore { get; set; }

    /// <summary>Thrown after something was added, as a process dies.</summary>
    public Exception? FaultAfter { get; set; }

    /// <summary>Run when something was added.</summary>
    public Func<Task>? WhenAdded { get; set; }

    public static OwnIdentity Device(int number)
    {
        var seed = new byte[32];
        BitConverter.TryWriteBytes(seed, number);
        seed[31] = 0xD0;
        return new(AgentCard.Create(seed, "device"), SecretBytes.CopyOf(seed));
    }

    /// <summary>The device of a key of the vectors: their seeds are one byte, repeated.</summary>
    public static OwnIdentity DeviceWithKey(byte[] key)
    {
        for (var value = 0; value < 256; value++)
        {
            var seed = Enumerable.Repeat((byte)value, 32).ToArray();
            if (Ed25519.PublicKey(seed).AsSpan().SequenceEqual(key))
            {
                return new(AgentCard.Create(seed, "device"), SecretBytes.CopyOf(seed));
            }
        }

        throw new ArgumentException("The seed of this key is not known.", nameof(key));
    }

    public PairTokens Tokens(WireHome home, IFileSystem files, TimeProvider time, IRandomSource? random = null) =>
        new(new PairTokenStore(home, files, time, EndGrantAsync), this, random ?? SystemRandomSource.Instance);

    public RedeemRequest Request(OwnIdentity device, string token, string principal = Alice, string? label = null) =>
        RedeemRequest.Create(device, token, Key, principal, label);

    public Task<DeviceIssuer> IssuerAsync(string principal, CancellationToken cancellationToken) => Principals.Contains(principal)
        ? Task.FromResult(new DeviceIssuer(Key, Rights))
        : throw new WireException(WireReason.PrincipalUnknown);

    public Task CheckAsync(DeviceCandidate candidate, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task<DeviceAdded> AddAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        if (FaultBefore is { } before)
        {
            throw before;
        }

        var isNew = Added.AddOrUpdate(NameOf(candidate.Card.PublicKey), (candidate, 1), static (_, known) => (known.Candidate, known.Times + 1)).Times == 1;
        if (WhenAdded is { } work)
        {
            await work();
        }

        return FaultAfter is { } after ? throw after : new(null, isNew);
    }

    public Task<bool> RemoveAsync(string principal, byte[] key, CancellationToken cancellationToken) => Task.FromResult(Added.TryRemove(NameOf(key), out _));

    public bool Has(OwnIdentity device) => Added.ContainsKey(NameOf(device.Card.PublicKey));

    private static string NameOf(byte[] key) => Convert.ToHexString(key);

    private Task EndGrantAsync(GivenGrant grant, CancellationToken cancellationToken)
    {
        Ended.Enqueue(grant);
        return Task.CompletedTask;
    }
}
