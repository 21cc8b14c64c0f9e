using System.Security.Cryptography;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>
/// The words of default handles. The lists are local: nobody else computes a handle from a key, so they may grow, but a
/// home keeps the handle that it was given.
/// </summary>
internal static class HandleWords
{
    // The first bytes of the hash stand in the DID already; the words add to them.
    private const int AdjectiveByte = 4;
    private const int NounByte = 5;

    private static readonly string[] AdjectiveList =
    [
        "able", "agile", "alert", "ample", "apt", "arctic", "ashen", "autumn", "azure", "balmy", "basic", "beige", "berry",
        "blithe", "blond", "bold", "bonny", "bouncy", "brave", "breezy", "brief", "bright", "brisk", "bronze", "bubbly",
        "calm", "candid", "canny", "cedar", "cheery", "chief", "chirpy", "civic", "civil", "classy", "clean", "clear",
        "clever", "cloudy", "coastal", "cobalt", "comfy", "cool", "copper", "coral", "cosmic", "cosy", "cozy", "crafty",
        "creamy", "crimson", "crisp", "cuddly", "curious", "curly", "cyan", "dainty", "dandy", "dapper", "daring", "dawn",
        "dear", "deep", "deft", "dewy", "dry", "dusky", "dusty", "eager", "early", "earnest", "earthy", "easy", "ebony",
        "elegant", "elfin", "emerald", "even", "exact", "fair", "faithful", "famous", "fancy", "fast", "fearless", "festive",
        "fiery", "fine", "firm", "fleet", "fluffy", "fond", "fresh", "friendly", "frosty", "funny", "gallant", "gentle",
        "giddy", "gifted", "gilded", "glad", "gleaming", "global", "glossy", "golden", "good", "grand", "grateful", "green",
        "happy", "hardy", "hazel", "hearty", "helpful", "honest", "hopeful", "humble", "hushed", "icy", "ideal", "indigo",
        "ivory", "jade", "jaunty", "jazzy", "jolly", "jovial", "joyful", "jumpy", "just", "keen", "kind", "kindly", "lapis",
        "large", "lasting", "lavish", "leafy", "light", "lilac", "lively", "lofty", "loyal", "lucid", "lucky", "lunar",
        "magic", "maple", "marble", "mellow", "merry", "mighty", "mild", "minty", "misty", "modest", "mossy", "musical",
        "neat", "nifty", "nimble", "noble", "northern", "novel", "oaken", "olive", "onyx", "opal", "open", "orange",
        "orchid", "patient", "peachy", "pearly", "peppy", "pine", "placid", "plucky", "plum", "polite", "prime", "proud",
        "pure", "quaint", "quick", "quiet", "radiant", "rapid", "rare", "ready", "regal", "rosy", "royal", "ruby", "russet",
        "rustic", "scarlet", "serene", "sharp", "shiny", "silent", "silky", "silver", "simple", "sincere", "sleek", "smart",
        "smooth", "snowy", "snug", "social", "solar", "solid", "spry", "starry", "steady", "stellar", "stout", "sturdy",
        "sunny", "swift", "tall", "tame", "tangy", "teal", "tender", "tidy", "topaz", "tranquil", "trim", "true", "trusty",
        "upbeat", "urban", "valiant", "vast", "velvet", "verdant", "vibrant", "vital", "vivid", "warm", "wavy", "western",
        "whole", "wild", "willing", "windy", "winged", "wise", "witty", "young", "zany", "zealous", "zesty",
    ];

    private static readonly string[] NounList =
    [
        "acorn", "alder", "almond", "anchor", "antler", "apron", "arbor", "arrow", "ash", "aspen", "atlas", "aurora",
        "avocet", "badger", "balloon", "bamboo", "banjo", "basin", "basket", "bay", "beagle", "beaver", "beech", "beetle",
        "bell", "bison", "blossom", "bluebell", "boat", "bonfire", "book", "bramble", "breeze", "brook", "buffalo", "bunny",
        "button", "cabin", "cactus", "camel", "canal", "canoe", "canyon", "caper", "carrot", "catfish", "cello", "chair",
        "chapel", "cherry", "chestnut", "cider", "cinder", "clam", "cliff", "clock", "clover", "cocoa", "comet", "compass",
        "copse", "cottage", "cove", "coyote", "crane", "creek", "cricket", "crocus", "crow", "crystal", "curlew", "current",
        "daisy", "dale", "deer", "delta", "desert", "dew", "dingo", "dolphin", "donkey", "dove", "dragon", "drum", "duck",
        "dune", "eagle", "echo", "elder", "elk", "elm", "ember", "falcon", "feather", "fennel", "fern", "ferret", "ferry",
        "fiddle", "finch", "fir", "flame", "flamingo", "flint", "flute", "forest", "fountain", "fox", "frog", "garden",
        "garlic", "garnet", "gazelle", "gecko", "ginger", "glacier", "glade", "glen", "gopher", "grape", "guitar", "gull",
        "hammock", "harbor", "hare", "hawk", "hedge", "heron", "hill", "hornet", "horse", "hyacinth", "ibex", "ibis",
        "igloo", "iris", "island", "ivy", "jackal", "jaguar", "jasmine", "kayak", "kelp", "kettle", "kite", "kiwi", "koala",
        "lagoon", "lake", "lantern", "lark", "laurel", "lava", "lemon", "lemur", "lily", "lime", "linnet", "lion", "lizard",
        "lobster", "locket", "loon", "lynx", "magnet", "mango", "mantis", "marigold", "marmot", "marsh", "melon", "mint",
        "mole", "moon", "moose", "moth", "mouse", "mule", "nebula", "newt", "nutmeg", "oak", "oasis", "ocean", "onion",
        "orchard", "oriole", "osprey", "otter", "owl", "oxbow", "oyster", "palm", "panda", "panther", "papaya", "peach",
        "peak", "pear", "pebble", "pelican", "pepper", "petal", "pheasant", "pigeon", "planet", "plover", "pond", "pony",
        "poplar", "poppy", "puma", "quail", "quartz", "rabbit", "raven", "reef", "reindeer", "ridge", "robin", "rocket",
        "rose", "rowan", "saffron", "sage", "salmon", "sapling", "seal", "skylark", "sloth", "snail", "sparrow", "spruce",
        "stork", "stream", "summit", "sun", "swallow", "swan", "thistle", "thrush", "toad", "torch", "toucan", "tulip",
        "tundra", "turtle", "valley", "walnut", "walrus", "willow", "wombat", "wren", "yak", "zebra", "zephyr",
    ];

    /// <summary>256 adjectives.</summary>
    internal static ReadOnlySpan<string> Adjectives => AdjectiveList;

    /// <summary>256 nouns, none of them among the adjectives.</summary>
    internal static ReadOnlySpan<string> Nouns => NounList;

    /// <summary>The two words that two bytes of H(public key) stand for.</summary>
    internal static string Combine(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != Ed25519.PublicKeyBytes)
        {
            throw new ArgumentException($"A public key has {Ed25519.PublicKeyBytes} bytes.", nameof(publicKey));
        }

        var hash = SHA256.HashData(publicKey);
        return $"{AdjectiveList[hash[AdjectiveByte]]}-{NounList[hash[NounByte]]}";
    }
}
