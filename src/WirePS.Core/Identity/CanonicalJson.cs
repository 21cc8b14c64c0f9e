using System.Security.Cryptography;

namespace WirePS.Identity;

/// <summary>What canonical JSON leaves out at the top level.</summary>
public enum CanonicalMode
{
    /// <summary>Nothing: the texts of wireps.md.</summary>
    WholeObject,
    /// <summary><c>signature</c> and <c>public_key_id</c>: what a card's signature covers ("non-strict").</summary>
    Card,
    /// <summary><c>signature</c>, <c>public_key_id</c> and <c>event_id</c>: what an event id hashes ("strict").</summary>
    Event,
}

/// <summary>The one byte string of a JSON value that signatures and ids are made over (wire.md §1.5).</summary>
public static class CanonicalJson
{
    private static readonly string[] CardOmits = ["signature", "public_key_id"];
    private static readonly string[] EventOmits = ["signature", "public_key_id", "event_id"];

    /// <summary>The canonical bytes of a JSON text.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>.</exception>
    public static byte[] Canonicalize(ReadOnlySpan<byte> utf8, CanonicalMode mode) => Canonicalize(WireJson.Parse(utf8), mode);

    /// <summary>The canonical bytes of a value.</summary>
    public static byte[] Canonicalize(WireJson value, CanonicalMode mode)
    {
        ArgumentNullException.ThrowIfNull(value);
        var writer = new WireJsonWriter(WireJsonOrder.Sorted, indented: false);
        writer.WriteWithout(value, mode switch
        {
            CanonicalMode.Card => CardOmits,
            CanonicalMode.Event => EventOmits,
            _ => [],
        });
        return writer.ToArray();
    }

    /// <summary>SHA-256 of the canonical bytes: 32 bytes.</summary>
    public static byte[] Hash(WireJson value, CanonicalMode mode) => SHA256.HashData(Canonicalize(value, mode));
}
